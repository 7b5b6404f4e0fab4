#include "linalg/basis.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "linalg/gram.h"
#include "linalg/symmetric_eigen.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;

// The Gram matrix of a finished basis differs from the identity by no more than this.
constexpr double orthonormal_enough = 1e-13;

// A direction that the first pass made of rounding noise keeps next to nothing of its unit length; a true one keeps
// all.
constexpr double noise_length = 0.1;

Basis whole_space(ops::Strided<float> x) {
  Basis basis{Matrix<double>(x.rows, x.rows), Matrix<double>(x.rows, x.cols)};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    basis.directions(i, i) = 1;
    for (std::int64_t j = 0; j < x.cols; ++j) {
      basis.coordinates(i, j) = static_cast<double>(x.data[i * x.row_stride + j * x.col_stride]);
    }
  }
  return basis;
}

/// The first pass: n x k weights such that x times them has orthonormal columns, but for rounding.
Matrix<double> orthonormalising_weights(Matrix<double> products, ops::Executor& executor) {
  const std::int64_t n = products.rows();
  std::vector<double> scale(n);
  for (std::int64_t j = 0; j < n; ++j) scale[j] = products(j, j) > 0 ? 1 / std::sqrt(products(j, j)) : 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) products(i, j) *= scale[i] * scale[j];
  }
  const SymmetricEigen eigen = symmetric_eigen(std::move(products), executor);
  const double least = eigen.values[0] * basis_tolerance * basis_tolerance;
  const auto kept =
      std::count_if(eigen.values.begin(), eigen.values.end(), [&](double value) { return value > least; });
  Matrix<double> weights(n, kept);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t k = 0; k < kept; ++k) weights(j, k) = scale[j] * eigen.vectors(k, j) / std::sqrt(eigen.values[k]);
  }
  return weights;
}

double distance_from_identity(const Matrix<double>& a) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.cols(); ++j) largest = std::max(largest, std::abs(a(i, j) - (i == j ? 1 : 0)));
  }
  return largest;
}

/// The second pass, on columns that are orthonormal but for what rounding did to the weakest of them.
Matrix<double> orthonormalised_again(Matrix<double> directions, ops::Executor& executor) {
  Matrix<double> products = gram(ops::strided(directions), executor);
  if (distance_from_identity(products) <= orthonormal_enough) return directions;
  const SymmetricEigen eigen = symmetric_eigen(std::move(products), executor);
  const auto kept = std::count_if(eigen.values.begin(), eigen.values.end(),
                                  [](double value) { return value > noise_length * noise_length; });
  Matrix<double> weights(directions.cols(), kept);
  for (std::int64_t j = 0; j < directions.cols(); ++j) {
    for (std::int64_t k = 0; k < kept; ++k) weights(j, k) = eigen.vectors(k, j) / std::sqrt(eigen.values[k]);
  }
  Matrix<double> result(directions.rows(), kept);
  ops::gemm(executor, ops::strided(directions), ops::strided(weights), result.view(), ops::Into::overwrite);
  return result;
}

}  // namespace

Basis orthonormal_basis(ops::Strided<float> x, ops::Executor& executor) {
  if (x.cols >= x.rows) return whole_space(x);
  if (x.cols == 0) return {Matrix<double>(x.rows, 0), Matrix<double>(0, 0)};
  const Matrix<double> weights = orthonormalising_weights(gram(x, executor), executor);
  Matrix<double> directions(x.rows, weights.cols());
  ops::gemm(executor, x, ops::strided(weights), directions.view(), ops::Into::overwrite);
  directions = orthonormalised_again(std::move(directions), executor);
  Matrix<double> coordinates(directions.cols(), x.cols);
  ops::gemm(executor, ops::strided(directions).transposed(), x, coordinates.view(), ops::Into::overwrite);
  return {std::move(directions), std::move(coordinates)};
}

}  // namespace amalgam::linalg
