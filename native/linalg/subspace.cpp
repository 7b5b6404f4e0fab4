#include "linalg/subspace.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/random.h"
#include "linalg/gram.h"
#include "linalg/symmetric_eigen.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;
using core::MatrixView;

// Widths of a block: multiples of a vector register's floats, so that the products waste nothing.
constexpr std::int64_t narrowest_block = 32;
constexpr std::int64_t widest_block = 128;
constexpr std::int64_t blocks_between_restarts = 5;
constexpr int most_products = 400;

// The small eigenproblem is solved after every product while it is small against one.
constexpr std::int64_t often_checked = 256;

// What is left of a product in float after orthogonalisation counts as rounding below this fraction of the longest one.
constexpr double rounding = 3e-7;

// Among directions of unit length, those that depend on the others up to this fraction are dropped.
constexpr double dependent = 1e-5;

std::int64_t block_width(std::int64_t count) {
  const std::int64_t half = (count / 2 + narrowest_block - 1) / narrowest_block * narrowest_block;
  return std::clamp(half, narrowest_block, widest_block);
}

std::int64_t kept_at_restart(std::int64_t count) { return count + block_width(count); }

Matrix<double> product(MatrixView<const double> a, MatrixView<const double> b, ops::Executor& executor) {
  Matrix<double> c(a.rows, b.cols);
  ops::gemm(executor, ops::strided(a), ops::strided(b), c.view(), ops::Into::overwrite);
  return c;
}

/// a^T b
Matrix<double> inner_products(MatrixView<const double> a, MatrixView<const double> b, ops::Executor& executor) {
  Matrix<double> c(a.cols, b.cols);
  ops::gemm(executor, ops::strided(a).transposed(), ops::strided(b), c.view(), ops::Into::overwrite);
  return c;
}

std::vector<double> column_lengths(const Matrix<double>& a) {
  std::vector<double> lengths(static_cast<std::size_t>(a.cols()));
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.cols(); ++j) lengths[static_cast<std::size_t>(j)] += a(i, j) * a(i, j);
  }
  for (double& length : lengths) length = std::sqrt(length);
  return lengths;
}

/// An orthonormal basis of the columns of a, without those of at most `noise` length and without what depends on the
/// others.
Matrix<double> orthonormal(const Matrix<double>& a, double noise, ops::Executor& executor) {
  const std::int64_t n = a.cols();
  if (n == 0) return Matrix<double>(a.rows(), 0);
  std::vector<double> scale = column_lengths(a);
  for (double& length : scale) length = length > noise ? 1 / length : 0;
  Matrix<double> products = gram(ops::strided(a), executor);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) products(i, j) *= scale[i] * scale[j];
  }
  const SymmetricEigen eigen = symmetric_eigen(std::move(products), executor);
  const double least = std::max(eigen.values[0], 0.5) * dependent * dependent;
  const auto kept =
      std::count_if(eigen.values.begin(), eigen.values.end(), [&](double value) { return value > least; });
  Matrix<double> weights(n, kept);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t k = 0; k < kept; ++k) weights(j, k) = scale[j] * eigen.vectors(k, j) / std::sqrt(eigen.values[k]);
  }
  return product(a.view(), weights.view(), executor);
}

/// Columns that are added to and cut back, in memory for the most there will ever be.
class Columns {
 public:
  Columns(std::int64_t rows, std::int64_t most) : memory_(rows, most) {}

  std::int64_t count() const { return count_; }
  MatrixView<const double> view() const { return memory_.view().col_range(0, count_); }

  void append(const Matrix<double>& columns) {
    for (std::int64_t i = 0; i < columns.rows(); ++i) {
      std::copy_n(columns.row(i), columns.cols(), memory_.row(i) + count_);
    }
    count_ += columns.cols();
  }

  /// All columns times `weights`.
  void combine(MatrixView<const double> weights, ops::Executor& executor) {
    const Matrix<double> combined = product(view(), weights, executor);
    count_ = 0;
    append(combined);
  }

 private:
  Matrix<double> memory_;
  std::int64_t count_ = 0;
};

/// target -= basis (basis^T target); returns basis^T target.
Matrix<double> project_out(MatrixView<const double> basis, Matrix<double>& target, ops::Executor& executor) {
  Matrix<double> shares = inner_products(basis, target.view(), executor);
  Matrix<double> negative(shares.rows(), shares.cols());
  for (std::int64_t i = 0; i < shares.size(); ++i) negative.data()[i] = -shares.data()[i];
  ops::gemm(executor, ops::strided(basis), ops::strided(negative), target.view(), ops::Into::accumulate);
  return shares;
}

/// One run of the iteration. V = `right_` and U = `left_` have orthonormal columns, and B = `core_` is U^T A V with
/// A V = U B.
class Bidiagonalisation {
 public:
  Bidiagonalisation(ops::Strided<float> a, std::int64_t count, ops::Executor& executor)
      : a_(a),
        count_(count),
        executor_(executor),
        right_(a.cols, directions_held(count)),
        left_(a.rows, directions_held(count)),
        core_(directions_held(count), directions_held(count)) {}

  LeadingDirections run() {
    Matrix<double> block = start();
    for (;;) {
      Matrix<double> next = extend(block);
      const bool full = right_.count() + next.cols() > directions_held(count_);
      const bool ends = next.cols() == 0 || products_ == most_products;
      if (full || ends || right_.count() <= often_checked) {
        LeadingDirections found = solve();
        if (ends || (found.vectors.cols() == count_ && found.residual <= subspace_residual)) return found;
        if (full) restart();
      }
      block = std::move(next);
    }
  }

 private:
  Matrix<double> start() {
    core::RandomStream random(0, "subspace start");
    Matrix<double> block(a_.cols, block_width(count_));
    for (std::int64_t i = 0; i < block.size(); ++i) block.data()[i] = random.next_uniform() - 0.5;
    return orthonormal(block, 0, executor_);
  }

  /// matrix times block, in float.
  Matrix<double> applied(ops::Strided<float> matrix, const Matrix<double>& block) {
    Matrix<float> narrow(block.rows(), block.cols());
    for (std::int64_t i = 0; i < block.size(); ++i) narrow.data()[i] = static_cast<float>(block.data()[i]);
    Matrix<float> image(matrix.rows, block.cols());
    ops::gemm(executor_, matrix, ops::strided(narrow), image.view(), ops::Into::overwrite);
    Matrix<double> wide(image.rows(), image.cols());
    for (std::int64_t i = 0; i < image.size(); ++i) wide.data()[i] = static_cast<double>(image.data()[i]);
    for (const double length : column_lengths(wide)) largest_ = std::max(largest_, length);
    return wide;
  }

  /// An orthonormal basis of what `columns`, at right angles to `basis` but for rounding, add to it.
  Matrix<double> added_directions(MatrixView<const double> basis, const Matrix<double>& columns) {
    Matrix<double> directions = orthonormal(columns, rounding * largest_, executor_);
    if (directions.cols() == 0) return directions;
    project_out(basis, directions, executor_);
    return orthonormal(directions, 0.5, executor_);  // what loses half of its length was rounding
  }

  /// Adds the block to V and its image to U; returns the next block, which has no columns when A leads nowhere new.
  Matrix<double> extend(const Matrix<double>& block) {
    const std::int64_t v = right_.count();
    const std::int64_t u = left_.count();
    right_.append(block);
    Matrix<double> image = applied(a_, block);
    const Matrix<double> shares = project_out(left_.view(), image, executor_);
    const Matrix<double> added = added_directions(left_.view(), image);
    left_.append(added);
    const Matrix<double> own = inner_products(added.view(), image.view(), executor_);
    for (std::int64_t j = 0; j < block.cols(); ++j) {
      for (std::int64_t i = 0; i < u; ++i) core_(i, v + j) = shares(i, j);
      for (std::int64_t i = 0; i < added.cols(); ++i) core_(u + i, v + j) = own(i, j);
    }
    for (std::int64_t i = 0; i < added.cols(); ++i) {
      for (std::int64_t j = 0; j < v; ++j) core_(u + i, j) = 0;
    }
    outside_ = applied(a_.transposed(), added);
    project_out(right_.view(), outside_, executor_);
    ++products_;
    return added_directions(right_.view(), outside_);
  }

  /// The best directions within those at hand: the singular value decomposition B = P Sigma S^T.
  LeadingDirections solve() {
    const MatrixView<const double> core(core_.data(), left_.count(), right_.count(), core_.cols());
    ritz_ = symmetric_eigen(inner_products(core, core, executor_), executor_);
    const std::int64_t kept = std::min(count_, right_.count());
    const Matrix<double> weights = right_weights(kept);
    // Of A^T U only the part of the last block lies outside V; a triplet's residual is its share in that block.
    const Matrix<double> turned = left_weights(weights);
    const MatrixView<const double> last = turned.view().row_range(left_.count() - outside_.cols(), outside_.cols());
    const std::vector<double> residuals = column_lengths(product(outside_.view(), last, executor_));
    const double worst = residuals.empty() ? 0 : *std::max_element(residuals.begin(), residuals.end());
    const double largest = std::sqrt(std::max(ritz_.values[0], 0.0));
    return {product(right_.view(), weights.view(), executor_), largest > 0 ? worst / largest : 0, products_};
  }

  /// The first `count` columns of S.
  Matrix<double> right_weights(std::int64_t count) const {
    Matrix<double> weights(ritz_.vectors.cols(), count);
    for (std::int64_t i = 0; i < weights.rows(); ++i) {
      for (std::int64_t k = 0; k < count; ++k) weights(i, k) = ritz_.vectors(k, i);
    }
    return weights;
  }

  /// The columns of P that belong to columns of S: B s / |B s|; zero where that is rounding.
  Matrix<double> left_weights(const Matrix<double>& right) {
    const MatrixView<const double> core(core_.data(), left_.count(), right_.count(), core_.cols());
    Matrix<double> weights = product(core, right.view(), executor_);
    const std::vector<double> lengths = column_lengths(weights);
    for (std::int64_t i = 0; i < weights.rows(); ++i) {
      for (std::int64_t k = 0; k < weights.cols(); ++k) {
        const double length = lengths[static_cast<std::size_t>(k)];
        weights(i, k) = length > rounding * largest_ ? weights(i, k) / length : 0;
      }
    }
    return weights;
  }

  /// Keeps the best directions of both sides; the block that follows them is still the right one.
  void restart() {
    const MatrixView<const double> core(core_.data(), left_.count(), right_.count(), core_.cols());
    std::int64_t kept = std::min(kept_at_restart(count_), right_.count());
    const std::vector<double> sigma = column_lengths(product(core, right_weights(kept).view(), executor_));
    while (kept > 0 && sigma[static_cast<std::size_t>(kept - 1)] <= rounding * largest_) --kept;
    const Matrix<double> weights = right_weights(kept);
    const Matrix<double> turned = left_weights(weights);
    right_.combine(weights.view(), executor_);
    left_.combine(turned.view(), executor_);
    for (std::int64_t i = 0; i < kept; ++i) {
      for (std::int64_t j = 0; j < kept; ++j) core_(i, j) = i == j ? sigma[static_cast<std::size_t>(i)] : 0;
    }
  }

  ops::Strided<float> a_;
  std::int64_t count_;
  ops::Executor& executor_;
  Columns right_;
  Columns left_;
  Matrix<double> core_;
  Matrix<double> outside_;  ///< A^T times the last block of U, less its part within V
  SymmetricEigen ritz_;
  double largest_ = 0;  ///< length of the longest image
  int products_ = 0;
};

}  // namespace

LeadingDirections leading_directions(ops::Strided<float> a, std::int64_t count, ops::Executor& executor) {
  return Bidiagonalisation(a, count, executor).run();
}

std::int64_t directions_held(std::int64_t count) {
  return kept_at_restart(count) + blocks_between_restarts * block_width(count);
}

bool fits_subspace(std::int64_t n, std::int64_t count) { return directions_held(count) + block_width(count) <= n / 2; }

}  // namespace amalgam::linalg
