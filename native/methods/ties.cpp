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
#include <cmath>

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

/// What the sources say of each entry of a run, after trimming.
struct Election {
  double sums[most_columns];
  float largest[most_columns];  ///< magnitude of the largest value: 0 where all were trimmed away
};

AMALGAM_INLINE inline float trimmed(float value, float threshold) {
  return std::abs(value) >= threshold ? value : 0.0f;
}

void elect(const Tile& tile, const Run& run, Election& election) {
  std::fill_n(election.sums, run.count, 0.0);
  std::fill_n(election.largest, run.count, 0.0f);
  for (const TileSource& source : tile.sources) {
    const float* values = source.values.row(run.row) + run.first;
    const float threshold = source.thresholds[0];
    double* sums = election.sums;
    float* largest = election.largest;
    core::vectorised([=, count = run.count]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < count; ++i) {
        const float value = trimmed(values[i], threshold);
        const float size = std::abs(value);
        sums[i] += static_cast<double>(value);
        largest[i] = largest[i] > size ? largest[i] : size;
      }
    });
  }
}

/// Whether some entry has values whose sum is exactly zero.
bool has_draw(const Election& election, std::int64_t count) {
  std::int32_t draws = 0;  // no early exit: this loop becomes vector code
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) {
      draws |= static_cast<std::int32_t>(election.sums[i] == 0) & static_cast<std::int32_t>(election.largest[i] > 0);
    }
  });
  return draws != 0;
}

/// The mean over the values of the elected sign; a draw elects `sign_of_draws`.
void merge_agreeing(const Tile& tile, const Run& run, const Election& election, float sign_of_draws, float* result) {
  float signs[most_columns];
  float counts[most_columns];
  std::fill_n(counts, run.count, 0.0f);
  std::fill_n(result, run.count, 0.0f);
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < run.count; ++i) {
      const double sum = election.sums[i];
      signs[i] = sum > 0 ? 1.0f : sum < 0 ? -1.0f : sign_of_draws;
    }
  });
  for (const TileSource& source : tile.sources) {
    const float* values = source.values.row(run.row) + run.first;
    const float threshold = source.thresholds[0];
    const auto coefficient = static_cast<float>(source.coefficient);
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < run.count; ++i) {
        const float value = trimmed(values[i], threshold);
        const bool agrees = value * signs[i] > 0;
        result[i] += agrees ? coefficient * value : 0.0f;
        counts[i] += agrees ? 1.0f : 0.0f;
      }
    });
  }
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < run.count; ++i) result[i] /= counts[i] > 1 ? counts[i] : 1.0f;
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

float sign_of(double number) { return number > 0 ? 1.0f : number < 0 ? -1.0f : 0.0f; }

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
      float sign_of_draws = 1;
      if (paper && has_draw(election, run.count)) sign_of_draws = sign_of(tally_of(tile)[0]);
      merge_agreeing(tile, run, election, sign_of_draws, result.row(run.row) + run.first);
    });
  };
  return method;
}

}  // namespace amalgam::methods
