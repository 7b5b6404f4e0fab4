// The best fit of lower rank, with what it leaves out.
#pragma once

#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::linalg {

/// left * right^T, the best fit of its rank to a matrix (Eckart and Young 1936); the k-th pair of columns is
/// sqrt(sigma_k) u_k and sqrt(sigma_k) v_k, in falling order of sigma_k. Of the two the shorter vector (v_k when they
/// are equal) has a positive largest entry.
struct Truncation {
  core::Matrix<double> left;   ///< m x rank
  core::Matrix<double> right;  ///< n x rank
  double norm = 0;             ///< Frobenius norm of the whole matrix
  double discarded = 0;        ///< Frobenius norm of what was cut, as a fraction of norm; 0 when norm is 0
};

/// Cuts `matrix` to at most `rank`. Singular values at or below `noise`, or under 1e-7 of the
/// largest, count as rounding of zero: they are neither kept nor counted as cut.
Truncation truncate(core::MatrixView<const double> matrix, std::int64_t rank, double noise, ops::Executor& executor);

}  // namespace amalgam::linalg
