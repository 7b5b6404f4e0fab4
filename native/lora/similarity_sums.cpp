#include "lora/similarity_sums.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/error.h"
#include "core/vectorised.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Matrix;
using core::MatrixView;

/// Numbers of a tile: two of them stay in the cache while they are looked at.
constexpr std::int64_t tile_elements = 128 * 1024;

/// <B_x A_x, B_y A_y> = trace((A_x A_y^T)(B_y^T B_x)), without scalings.
double inner_product(const RankUnits& x, const RankUnits& y, ops::Executor& executor) {
  Matrix<double> in(x.count(), y.count());
  Matrix<double> out(x.count(), y.count());
  ops::gemm(executor, ops::strided(x.a), ops::strided(y.a).transposed(), in.view(), ops::Into::overwrite);
  ops::gemm(executor, ops::strided(x.b).transposed(), ops::strided(y.b), out.view(), ops::Into::overwrite);
  double sum = 0;
  for (std::int64_t i = 0; i < in.size(); ++i) sum += in.data()[i] * out.data()[i];
  return sum;
}

/// Sums over entries, before the scalings.
struct EntrySums {
  double positive = 0;
  double negative = 0;  ///< of the sizes
  double squares = 0;
};

EntrySums entry_sums(const float* x, const float* y, std::int64_t count) {
  constexpr int lanes = 8;
  EntrySums sums;
  core::vectorised([&]() AMALGAM_INLINE {
    double positive[lanes] = {};
    double negative[lanes] = {};
    double squares[lanes] = {};
    const auto add = [&](int lane, std::int64_t i) AMALGAM_INLINE {
      const double product = static_cast<double>(x[i]) * static_cast<double>(y[i]);
      positive[lane] += product > 0 ? product : 0;
      negative[lane] += product > 0 ? 0 : -product;
      squares[lane] += product * product;
    };
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (int lane = 0; lane < lanes; ++lane) add(lane, i + lane);
    }
    for (int lane = 0; i + lane < count; ++lane) add(lane, i + lane);
    for (int lane = 0; lane < lanes; ++lane) {
      sums.positive += positive[lane];
      sums.negative += negative[lane];
      sums.squares += squares[lane];
    }
  });
  return sums;
}

/// The rows of an update from `row` on, without its scaling.
void make_tile(const LoadedUpdate& update, std::int64_t row, MatrixView<float> tile, ops::Executor& executor) {
  const MatrixView<const float> b = update.units.b.view().row_range(row, tile.rows);
  ops::gemm(executor, ops::strided(b), ops::strided(update.units.a), tile, ops::Into::overwrite);
}

void check_finite(const LoadedUpdate& update, double sum) {
  if (std::isfinite(sum)) return;
  throw core::Error("not-finite", "The entries of the update are too large for float.")
      .at_path(update.module->factors.file->path())
      .at_tensor(update.module->factors.b->name);
}

double fourth_power(double x) { return x * x * x * x; }

/// The sums that need entries, over a module's rows in tiles.
class DenseSums {
 public:
  DenseSums(const LoadedUpdate& any, ops::Executor& executor)
      : in_(any.units.a.cols()),
        out_(any.units.b.rows()),
        rows_(std::clamp<std::int64_t>(tile_elements / std::max<std::int64_t>(1, in_), 1, std::max<std::int64_t>(1, out_))),
        query_tile_(rows_, in_),
        tile_(rows_, in_),
        executor_(executor) {}

  void run(const LoadedUpdate* query, std::span<const LoadedUpdate> candidates, std::span<PairSums> pairs,
           OwnSums* query_own) {
    for (std::int64_t row = 0; row < out_; row += rows_) {
      executor_.cancel().check();
      const std::int64_t rows = std::min(rows_, out_ - row);
      const std::int64_t count = rows * in_;
      if (query != nullptr) make_tile(*query, row, query_tile_.view().row_range(0, rows), executor_);
      if (query_own != nullptr) {
        query_own->squares_norm2 += own_fourths(*query, query_tile_.data(), count);
      }
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        executor_.cancel().check();
        const LoadedUpdate& candidate = candidates[i];
        make_tile(candidate, row, tile_.view().row_range(0, rows), executor_);
        pairs[i].own.squares_norm2 += own_fourths(candidate, tile_.data(), count);
        if (query != nullptr) add_pair(*query, candidate, entry_sums(tile_.data(), query_tile_.data(), count), pairs[i]);
      }
    }
  }

 private:
  static double own_fourths(const LoadedUpdate& update, const float* tile, std::int64_t count) {
    const double sum = entry_sums(tile, tile, count).squares * fourth_power(update.module->scaling);
    check_finite(update, sum);
    return sum;
  }

  static void add_pair(const LoadedUpdate& query, const LoadedUpdate& candidate, const EntrySums& sums, PairSums& pair) {
    const double scale = query.module->scaling * candidate.module->scaling;
    pair.clamp += scale >= 0 ? scale * sums.positive : -scale * sums.negative;
    pair.abs += std::abs(scale) * (sums.positive + sums.negative);
    pair.squares_dot += scale * scale * sums.squares;
  }

  std::int64_t in_;
  std::int64_t out_;
  std::int64_t rows_;
  Matrix<float> query_tile_;
  Matrix<float> tile_;
  ops::Executor& executor_;
};

}  // namespace

LoadedUpdate load_update(const RequestModule& module, const core::CancelToken& cancel) {
  const UnitSource source{module.factors, 0, 1};
  return {&module, load_units({&source, 1}, {}, cancel, [](std::uint64_t) {})};
}

void add_sums(const LoadedUpdate* query, std::span<const LoadedUpdate> candidates, bool dense,
              std::span<PairSums> pairs, OwnSums* query_own, ops::Executor& executor) {
  const auto norm2 = [&](const LoadedUpdate& update) {
    const double square = std::max(0.0, inner_product(update.units, update.units, executor));
    return square * update.module->scaling * update.module->scaling;
  };
  if (query_own != nullptr) *query_own = {norm2(*query), 0};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const LoadedUpdate& candidate = candidates[i];
    pairs[i] = {};
    pairs[i].own.norm2 = norm2(candidate);
    if (query == nullptr) continue;
    const double scale = query->module->scaling * candidate.module->scaling;
    pairs[i].dot = scale * inner_product(candidate.units, query->units, executor);
  }
  if (!dense) return;
  if (query != nullptr) {
    DenseSums(*query, executor).run(query, candidates, pairs, query_own);
  } else if (!candidates.empty()) {
    DenseSums(candidates.front(), executor).run(nullptr, candidates, pairs, nullptr);
  }
}

}  // namespace amalgam::lora
