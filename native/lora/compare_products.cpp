#include "lora/compare_products.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>
#include <vector>

#include "core/vectorised.h"
#include "lora/bf16_units.h"
#include "lora/rank_units.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Matrix;
using core::MatrixView;

// Squared lengths of units between these have inner products that float holds with full precision.
constexpr float least_square = 1e-20f;
constexpr float largest_square = 1e30f;

// Float products are good to 1e-7 of the units' lengths. As long as the squared norm of an update is not much smaller
// than the sum of its units' own, that is better than 1e-6 of the norm.
constexpr double least_share = 0.1;

/// Where the units of each source begin, and at last where they end.
using Places = std::vector<std::int64_t>;

Places unit_places(std::span<const UnitSource> sources) {
  Places places{0};
  for (const UnitSource& source : sources) places.push_back(places.back() + source.factors.rank());
  return places;
}

/// sum x(u, v) y(u, v), in double.
template <typename T>
double product_sum(MatrixView<const T> x, MatrixView<const T> y) {
  constexpr int lanes = 8;
  double sum = 0;
  core::vectorised([&]() AMALGAM_INLINE {
    double lane_sums[lanes] = {};
    for (std::int64_t u = 0; u < x.rows; ++u) {
      const T* left = x.row(u);
      const T* right = y.row(u);
      std::int64_t v = 0;
      for (; v + lanes <= x.cols; v += lanes) {
        for (int lane = 0; lane < lanes; ++lane) {
          lane_sums[lane] += static_cast<double>(left[v + lane]) * static_cast<double>(right[v + lane]);
        }
      }
      for (int lane = 0; v + lane < x.cols; ++lane) {
        lane_sums[lane] += static_cast<double>(left[v + lane]) * static_cast<double>(right[v + lane]);
      }
    }
    for (const double lane : lane_sums) sum += lane;
  });
  return sum;
}

/// Inner products between units: of their columns of B and of their rows of A.
template <typename T>
struct UnitGrams {
  Matrix<T> out;
  Matrix<T> in;

  /// Of `rows` units from `row` on with `cols` units from `col` on, none of them before `row + rows`.
  double inner_product(std::int64_t row, std::int64_t rows, std::int64_t col, std::int64_t cols) const {
    const auto part = [&](const Matrix<T>& gram) { return gram.view().row_range(row, rows).col_range(col, cols); };
    return product_sum<T>(part(out), part(in));
  }

  /// Of `count` units from `first` on among themselves, where only the upper halves hold products.
  double own_product(std::int64_t first, std::int64_t count) const {
    double diagonal = 0;
    double above = 0;
    for (std::int64_t u = first; u < first + count; ++u) {
      diagonal += static_cast<double>(out(u, u)) * static_cast<double>(in(u, u));
      for (std::int64_t v = u + 1; v < first + count; ++v) {
        above += static_cast<double>(out(u, v)) * static_cast<double>(in(u, v));
      }
    }
    return diagonal + 2 * above;
  }
};

// Products between units in float, of a stack with itself (the upper half) and of two stacks, for both forms that units
// come in.
void gram(ops::Executor& executor, const RankUnits&, ops::Strided<float> x, MatrixView<float> c) {
  ops::upper_gram_in_runs(executor, x, c);
}
void gram(ops::Executor& executor, const Bf16Units&, ops::Strided<float> x, MatrixView<float> c) {
  ops::upper_gram_of_pairs(executor, x, c);
}
void product(ops::Executor& executor, const RankUnits&, ops::Strided<float> x, ops::Strided<float> y,
             MatrixView<float> c) {
  ops::gemm_in_runs(executor, x, y, c);
}
void product(ops::Executor& executor, const Bf16Units&, ops::Strided<float> x, ops::Strided<float> y,
             MatrixView<float> c) {
  ops::gemm_of_pairs(executor, x, y, c);
}

UnitGrams<float> reusing(UnitGrams<float> spare, std::int64_t rows, std::int64_t cols) {
  return {Matrix<float>::reusing(std::move(spare.out), rows, cols),
          Matrix<float>::reusing(std::move(spare.in), rows, cols)};
}

/// Of `count` units from `first` on among themselves.
template <typename Units>
UnitGrams<float> own_grams(const Units& units, std::int64_t first, std::int64_t count, UnitGrams<float> spare,
                           ops::Executor& executor) {
  UnitGrams<float> grams = reusing(std::move(spare), count, count);
  gram(executor, units, ops::strided(units.b.view().col_range(first, count)), grams.out.view());
  gram(executor, units, ops::strided(units.a.view().row_range(first, count)).transposed(), grams.in.view());
  return grams;
}

template <typename Units>
UnitGrams<float> cross_grams(const Units& left, const Units& right, UnitGrams<float> spare, ops::Executor& executor) {
  UnitGrams<float> grams = reusing(std::move(spare), left.count(), right.count());
  product(executor, left, ops::strided(left.b).transposed(), ops::strided(right.b), grams.out.view());
  product(executor, left, ops::strided(left.a), ops::strided(right.a).transposed(), grams.in.view());
  return grams;
}

/// In double: `count` units of `left` from `first` on, with all of `right`.
UnitGrams<double> exact_grams(const RankUnits& left, std::int64_t first, std::int64_t count, const RankUnits& right,
                              ops::Executor& executor) {
  UnitGrams<double> grams{Matrix<double>(count, right.count()), Matrix<double>(count, right.count())};
  const auto columns = ops::strided(left.b.view().col_range(first, count)).transposed();
  ops::gemm(executor, columns, ops::strided(right.b), grams.out.view(), ops::Into::overwrite);
  const auto rows = ops::strided(left.a.view().row_range(first, count));
  ops::gemm(executor, rows, ops::strided(right.a).transposed(), grams.in.view(), ops::Into::overwrite);
  return grams;
}

/// True for 0 and -0, in both halves where a float holds two numbers.
bool is_zero(const RankUnits&, float value) { return value == 0; }
bool is_zero(const Bf16Units&, float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7fff7fffu) == 0; }

/// True when one of the unit's two vectors holds zeros only, so that its products are 0 in any arithmetic.
template <typename Units>
bool is_zero_unit(const Units& units, std::int64_t u) {
  const float* row = units.a.row(u);
  if (std::all_of(row, row + units.a.cols(), [&](float value) { return is_zero(units, value); })) return true;
  for (std::int64_t i = 0; i < units.b.rows(); ++i) {
    if (!is_zero(units, units.b(i, u))) return false;
  }
  return true;
}

/// Whether float was enough for the products of the units [first, first + count) of a stack. `grams` are those of the
/// units among themselves, from unit `origin` of the stack on. Never where a unit holds NaN or infinity: then its
/// square is out of range or, beside a vector of zeros, NaN.
template <typename Units>
bool float_suffices(const UnitGrams<float>& grams, std::int64_t origin, const Units& units, std::int64_t first,
                    std::int64_t count) {
  const auto in_range = [](float square) { return square >= least_square && square <= largest_square; };
  double own = 0;
  for (std::int64_t u = first - origin; u < first - origin + count; ++u) {
    const float out = grams.out(u, u);
    const float in = grams.in(u, u);
    if (!(in_range(out) && in_range(in)) && !is_zero_unit(units, origin + u)) return false;
    own += static_cast<double>(out) * static_cast<double>(in);
  }
  return grams.own_product(first - origin, count) >= least_share * own;
}

/// For each source of a stack whether it needs products in double. `among_themselves`: all units' products where they
/// are known already.
template <typename Units>
std::vector<bool> hard_sources(const Units& units, const Places& places,
                               const UnitGrams<float>* among_themselves, ops::Executor& executor) {
  std::vector<bool> hard;
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    const std::int64_t first = places[i];
    const std::int64_t count = places[i + 1] - first;
    hard.push_back(among_themselves != nullptr
                       ? !float_suffices(*among_themselves, 0, units, first, count)
                       : !float_suffices(own_grams(units, first, count, {}, executor), first, units, first, count));
  }
  return hard;
}

/// All pairs from the units' products. Where the stack is compared with itself only one half is computed.
Matrix<double> pair_products(const UnitGrams<float>& grams, const Places& rows, const Places& cols, bool symmetric,
                             const core::CancelToken& cancel) {
  const auto count = [](const Places& places) { return static_cast<std::int64_t>(places.size()) - 1; };
  Matrix<double> products(count(rows), count(cols));
  for (std::int64_t i = 0; i < products.rows(); ++i) {
    cancel.check();
    const auto row = static_cast<std::size_t>(i);
    if (symmetric) products(i, i) = grams.own_product(rows[row], rows[row + 1] - rows[row]);
    for (std::int64_t j = symmetric ? i + 1 : 0; j < products.cols(); ++j) {
      const auto col = static_cast<std::size_t>(j);
      products(i, j) = grams.inner_product(rows[row], rows[row + 1] - rows[row], cols[col], cols[col + 1] - cols[col]);
      if (symmetric) products(j, i) = products(i, j);
    }
  }
  return products;
}

/// Products of float, and which of the sources need better ones.
struct Pairs {
  Matrix<double> products;
  std::vector<bool> hard_rows;
  std::vector<bool> hard_cols;  ///< empty where the stack was compared with itself

  bool any_hard() const {
    const auto any = [](const std::vector<bool>& hard) {
      return std::find(hard.begin(), hard.end(), true) != hard.end();
    };
    return any(hard_rows) || any(hard_cols);
  }
};

/// `right` null: the left units among themselves.
template <typename Units>
Pairs compare_units(const Units& left, const Places& rows, const Units* right, const Places& cols,
                    GramSpace& space, ops::Executor& executor) {
  const bool symmetric = right == nullptr;
  UnitGrams<float> spare{std::move(space.out), std::move(space.in)};
  UnitGrams<float> grams = symmetric ? own_grams(left, 0, left.count(), std::move(spare), executor)
                                     : cross_grams(left, *right, std::move(spare), executor);
  Pairs pairs{pair_products(grams, rows, symmetric ? rows : cols, symmetric, executor.cancel()),
              hard_sources(left, rows, symmetric ? &grams : nullptr, executor),
              symmetric ? std::vector<bool>() : hard_sources(*right, cols, nullptr, executor)};
  space.out = std::move(grams.out);
  space.in = std::move(grams.in);
  return pairs;
}

/// The products of the hard sources of `left` in double; put(i, j, value) takes them.
template <typename Put>
void refine(const RankUnits& left, const Places& rows, const std::vector<bool>& hard, const RankUnits& right,
            const Places& cols, ops::Executor& executor, Put put) {
  for (std::size_t i = 0; i < hard.size(); ++i) {
    if (!hard[i]) continue;
    const std::int64_t count = rows[i + 1] - rows[i];
    const UnitGrams<double> grams = exact_grams(left, rows[i], count, right, executor);
    for (std::size_t j = 0; j + 1 < cols.size(); ++j) {
      put(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j),
          grams.inner_product(0, count, cols[j], cols[j + 1] - cols[j]));
    }
  }
}

void read_floats(const ComparedSources& sources, ModuleUnits& units, const core::CancelToken& cancel) {
  const auto load = [&](std::span<const UnitSource> side, RankUnits& place) {
    place = load_units(side, std::move(place), cancel, [](std::uint64_t) {});
  };
  load(sources.left, units.left);
  if (!sources.right.empty()) load(sources.right, units.right);
}

Matrix<double> compare_floats(const ComparedSources& sources, const ModuleUnits& units, GramSpace& space,
                              ops::Executor& executor) {
  const bool symmetric = sources.right.empty();
  const Places rows = unit_places(sources.left);
  const Places cols = unit_places(sources.right);
  const RankUnits& left = units.left;
  const RankUnits& right = units.right;
  Pairs pairs = compare_units(left, rows, symmetric ? nullptr : &right, cols, space, executor);
  Matrix<double>& products = pairs.products;
  if (symmetric) {
    refine(left, rows, pairs.hard_rows, left, rows, executor,
           [&](std::int64_t i, std::int64_t j, double value) { products(i, j) = products(j, i) = value; });
  } else {
    refine(left, rows, pairs.hard_rows, right, cols, executor,
           [&](std::int64_t i, std::int64_t j, double value) { products(i, j) = value; });
    refine(right, cols, pairs.hard_cols, left, rows, executor,
           [&](std::int64_t j, std::int64_t i, double value) { products(i, j) = value; });
  }
  return std::move(pairs.products);
}

/// Without widening; nothing where a source needs products in double, which want floats.
std::optional<Matrix<double>> compare_bf16(const ComparedSources& sources, const ModuleUnits& units, GramSpace& space,
                                           ops::Executor& executor) {
  const Bf16Units* right = sources.right.empty() ? nullptr : &units.right_bf16;
  Pairs pairs = compare_units(units.left_bf16, unit_places(sources.left), right, unit_places(sources.right), space,
                              executor);
  if (pairs.any_hard()) return std::nullopt;
  return std::move(pairs.products);
}

Matrix<double> unscaled_products(const ComparedSources& sources, ModuleUnits& units, GramSpace& space,
                                 ops::Executor& executor) {
  if (units.in_bf16) {
    if (std::optional<Matrix<double>> products = compare_bf16(sources, units, space, executor)) {
      return *std::move(products);
    }
    read_floats(sources, units, executor.cancel());
  }
  return compare_floats(sources, units, space, executor);
}

}  // namespace

void read_module(const ComparedSources& sources, bool pair_products, ModuleUnits& units,
                 const core::CancelToken& cancel) {
  units.in_bf16 = pair_products && all_bf16(sources.left) && all_bf16(sources.right);
  if (!units.in_bf16) return read_floats(sources, units, cancel);
  units.left_bf16 = load_bf16_units(sources.left, std::move(units.left_bf16), cancel);
  units.right_bf16 = load_bf16_units(sources.right, std::move(units.right_bf16), cancel);
}

Matrix<double> update_products(const ComparedSources& sources, ModuleUnits& units, GramSpace& space,
                               ops::Executor& executor) {
  Matrix<double> products = unscaled_products(sources, units, space, executor);
  const auto& [left, right] = sources;
  const std::span<const UnitSource> cols = right.empty() ? left : right;
  for (std::int64_t i = 0; i < products.rows(); ++i) {
    for (std::int64_t j = 0; j < products.cols(); ++j) {
      products(i, j) *= left[static_cast<std::size_t>(i)].c * cols[static_cast<std::size_t>(j)].c;
    }
  }
  return products;
}

std::int64_t product_bytes(std::int64_t left_units, std::int64_t right_units, std::int64_t in, std::int64_t out) {
  const auto number = static_cast<std::int64_t>(sizeof(float));
  const std::int64_t factors = number * (left_units + right_units) * (in + out);
  return factors + 2 * number * left_units * (right_units == 0 ? left_units : right_units);
}

}  // namespace amalgam::lora
