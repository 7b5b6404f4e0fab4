#include "linalg/truncate.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "linalg/gram.h"
#include "linalg/symmetric_eigen.h"
#include "ops/gemm.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;

constexpr double relative_noise = 1e-7;

double largest_entry(core::MatrixView<const double> a) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.cols; ++j) largest = std::max(largest, std::abs(a(i, j)));
  }
  return largest;
}

/// Lengths of the rows.
std::vector<double> lengths(const Matrix<double>& a) {
  std::vector<double> result(a.rows());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.cols(); ++j) sum += a(i, j) * a(i, j);
    result[i] = std::sqrt(sum);
  }
  return result;
}

/// For a of m x n with n <= m. The right singular vectors are the eigenvectors v_k of a^T a; sigma_k is the length of
/// a v_k and not the root of an eigenvalue, which would know small ones to half as many digits only.
Truncation truncate_tall(ops::Strided<double> a, double scale, std::int64_t rank, double noise,
                         ops::Executor& executor) {
  const SymmetricEigen eigen = symmetric_eigen(gram(a, executor), executor);
  Matrix<double> images(a.cols, a.rows);  // row k: a v_k
  ops::gemm(executor, ops::strided(eigen.vectors), a.transposed(), images.view(), ops::Into::overwrite);
  const std::vector<double> sigma = lengths(images);

  const double largest = sigma.empty() ? 0 : *std::max_element(sigma.begin(), sigma.end());
  const double least = std::max(noise / scale, relative_noise * largest);
  Truncation result;
  std::int64_t kept = 0;
  double kept_energy = 0;
  double cut_energy = 0;
  for (const double length : sigma) {
    if (length <= least) continue;
    (kept < rank ? kept_energy : cut_energy) += length * length;
    if (kept < rank) ++kept;
  }
  result.norm = scale * std::sqrt(kept_energy + cut_energy);
  result.discarded = result.norm > 0 ? std::sqrt(cut_energy / (kept_energy + cut_energy)) : 0;
  result.left = Matrix<double>(a.rows, kept);
  result.right = Matrix<double>(a.cols, kept);
  std::int64_t column = 0;
  for (std::int64_t k = 0; column < kept; ++k) {
    if (sigma[k] <= least) continue;
    const double root = std::sqrt(scale * sigma[k]);
    for (std::int64_t i = 0; i < a.rows; ++i) result.left(i, column) = root / sigma[k] * images(k, i);
    for (std::int64_t i = 0; i < a.cols; ++i) result.right(i, column) = root * eigen.vectors(k, i);
    ++column;
  }
  return result;
}

}  // namespace

Truncation truncate(core::MatrixView<const double> matrix, std::int64_t rank, double noise, ops::Executor& executor) {
  // Scaled to entries of at most 1, so that the squares of a tiny matrix do not vanish.
  const double scale = largest_entry(matrix);
  if (!(scale > 0)) return {Matrix<double>(matrix.rows, 0), Matrix<double>(matrix.cols, 0), 0, 0};
  Matrix<double> scaled(matrix.rows, matrix.cols);
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    for (std::int64_t j = 0; j < matrix.cols; ++j) scaled(i, j) = matrix(i, j) / scale;
  }
  if (matrix.rows >= matrix.cols) return truncate_tall(ops::strided(scaled), scale, rank, noise, executor);
  Truncation result = truncate_tall(ops::strided(scaled).transposed(), scale, rank, noise, executor);
  std::swap(result.left, result.right);
  return result;
}

}  // namespace amalgam::linalg
