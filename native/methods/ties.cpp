// Yadav et al. 2023, TIES-Merging (arXiv 2306.01708); variant count: PEFT 0.21.0, combination type "ties_svd"
//
// Trim: of each update only its largest magnitudes stay. Elect: every entry takes the sign of the sum of what stayed.
// Merge: the mean over the values of the elected sign, each times its coefficient; coefficients take no part in the
// election, and zeros are of no sign.
//
//   paper  thresholds over all of an adapter's modules; a sum of exactly zero takes the sign of the majority of all
//          elected signs of the job (none when they balance: then the entry is zero, as sgn(0) of the paper has it)
//   count  thresholds per module; a sum of zero counts as plus
#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/vectorised.h"
#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

namespace {

constexpr std::int64_t most_columns = 512;  // the running sums of a run of columns stay in the first-level cache

/// `count` neighbouring entries of one row of a tile.
struct Run {
  std::int64_t row;
  std::int64_t first;
  std::int64_t count;
};

template <typename Visit>
void for_runs(const Tile& tile, std::int64_t rows, std::int64_t cols, Visit visit) {
  if (tile.sources.empty()) return;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t first = 0; first < cols; first += most_columns) {
      visit(Run{row, first, std::min(most_columns, cols - first)});
    }
  }
}

// The loops below compare floats by their bits: magnitudes are in the order of their bits, and with whole numbers the
// compiler makes vector code of choices that it leaves alone between floats.
constexpr std::uint32_t sign_bit = 0x80000000u;

/// `bits` where `condition` holds, else 0.
AMALGAM_INLINE inline std::uint32_t where(bool condition, std::uint32_t bits) {
  return (0u - static_cast<std::uint32_t>(condition)) & bits;
}

AMALGAM_INLINE inline bool is_zero(double value) { return std::bit_cast<std::uint64_t>(value) << 1 == 0; }

/// The bits of the value, or of 0 when its magnitude is below the threshold.
AMALGAM_INLINE inline std::uint32_t trimmed(float value, std::uint32_t threshold) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return where((bits & ~sign_bit) >= threshold, bits);
}

/// What the sources say of each entry of a run, after trimming.
struct Election {
  double sums[most_columns];
  std::uint32_t largest[most_columns];  ///< bits of the largest magnitude: 0 where all were trimmed away
};

void elect(const Tile& tile, const Run& run, Election& election) {
  std::fill_n(election.sums, run.count, 0.0);
  std::fill_n(election.largest, run.count, 0u);
  for (const TileSource& source : tile.sources) {
    const float* values = source.values.row(run.row) + run.first;
    const auto threshold = std::bit_cast<std::uint32_t>(source.thresholds[0]);
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < run.count; ++i) {
        const std::uint32_t bits = trimmed(values[i], threshold);
        election.sums[i] += static_cast<double>(std::bit_cast<float>(bits));
        election.largest[i] = std::max(election.largest[i], bits & ~sign_bit);
      }
    });
  }
}

/// Whether some entry has values whose sum is exactly zero.
bool has_draw(const Election& election, std::int64_t count) {
  std::uint32_t draws = 0;  // no early exit: this loop becomes vector code
  core::vectorised([&]() AMALGAM_INLINE {
    std::uint32_t found = 0;
    for (std::int64_t i = 0; i < count; ++i) found |= where(is_zero(election.sums[i]), election.largest[i]);
    draws = found;
  });
  return draws != 0;
}

/// What an entry elects: a sign bit, or what no value has.
enum Elected : std::uint32_t { plus = 0, minus = sign_bit, nobody = 1 };

/// The mean over the values of the elected sign.
void merge_agreeing(const Tile& tile, const Run& run, const Election& election, Elected of_draws, float* result) {
  std::uint32_t elected[most_columns];
  std::int32_t counts[most_columns];
  std::fill_n(counts, run.count, 0);
  std::fill_n(result, run.count, 0.0f);
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < run.count; ++i) {
      const auto upper_half = static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(election.sums[i]) >> 32);
      const bool draw = is_zero(election.sums[i]);
      elected[i] = where(draw, of_draws) | where(!draw, upper_half & sign_bit);
    }
  });
  for (const TileSource& source : tile.sources) {
    const float* values = source.values.row(run.row) + run.first;
    const auto threshold = std::bit_cast<std::uint32_t>(source.thresholds[0]);
    const auto coefficient = static_cast<float>(source.coefficient);
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < run.count; ++i) {
        const std::uint32_t bits = trimmed(values[i], threshold);
        const bool agrees = ((bits & sign_bit) == elected[i]) & ((bits & ~sign_bit) != 0);
        result[i] += coefficient * std::bit_cast<float>(where(agrees, bits));
        counts[i] += static_cast<std::int32_t>(agrees);
      }
    });
  }
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < run.count; ++i) result[i] /= static_cast<float>(std::max(counts[i], 1));
  });
}

/// Elected pluses less elected minuses.
std::vector<double> count_signs(const Tile& tile) {
  std::int64_t total = 0;
  const core::MatrixView<const float>& shape = tile.sources.front().values;
  for_runs(tile, shape.rows, shape.cols, [&](const Run& run) {
    Election election;
    elect(tile, run, election);
    core::vectorised([&]() AMALGAM_INLINE {
      std::int64_t signs = 0;
      for (std::int64_t i = 0; i < run.count; ++i) {
        signs += static_cast<std::int64_t>(election.sums[i] > 0) - static_cast<std::int64_t>(election.sums[i] < 0);
      }
      total += signs;
    });
  });
  return {static_cast<double>(total)};
}

/// Whom draws go to, by the tally of signs.
Elected majority(double signs) { return signs > 0 ? plus : signs < 0 ? minus : nobody; }

}  // namespace

OnTiles ties(const TiesParams& params) {
  const bool paper = params.variant == TiesVariant::paper;
  OnTiles method;
  method.prepass.kept = {params.density};
  method.prepass.kept_over = paper ? Scope::job : Scope::module;
  if (paper) {
    method.prepass.tally = count_signs;
    method.prepass.tally_over = Scope::job;
    method.prepass.tally_stage = "signs";
  }
  method.rule = [paper](const Tile& tile, core::MatrixView<float> result) {
    for_runs(tile, result.rows, result.cols, [&](const Run& run) {
      Election election;
      elect(tile, run, election);
      Elected of_draws = plus;
      if (paper && has_draw(election, run.count)) of_draws = majority(tally_of(tile)[0]);
      merge_agreeing(tile, run, election, of_draws, result.row(run.row) + run.first);
    });
  };
  return method;
}

}  // namespace amalgam::methods
