// An orthonormal basis of the columns of a tall matrix, and the matrix in it.
#pragma once

#include "core/tensor.h"
#include "ops/executor.h"
#include "ops/gemm.h"

namespace amalgam::linalg {

/// x = directions * coordinates, up to what was dropped.
struct Basis {
  core::Matrix<double> directions;   ///< m x k, orthonormal columns, k <= min(m, n)
  core::Matrix<double> coordinates;  ///< k x n
};

/// Directions shorter than this, relative to the longest, count as noise once every column of x has length 1 (so that
/// neither the scale of a column nor how an update is split into factors decides what is kept).
inline constexpr double basis_tolerance = 1e-7;

/// The basis of the columns of x (m x n), by the eigenvectors of its Gram matrix, repeated once on the result where
/// that is not orthonormal yet. Where n >= m it is the identity, and nothing is dropped. Everything is summed in
/// double.
Basis orthonormal_basis(ops::Strided<float> x, ops::Executor& executor);

}  // namespace amalgam::linalg
