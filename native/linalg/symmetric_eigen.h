// The one eigensolver: every decomposition of a merge is a symmetric eigenproblem in double.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::linalg {

/// a = sum_k values[k] v_k v_k^T with v_k the k-th row of `vectors`. Values fall; the rows are orthonormal; the largest
/// entry of every row is positive (the first of equals), so that equal input gives equal output.
struct SymmetricEigen {
  std::vector<double> values;
  core::Matrix<double> vectors;
};

/// Decomposes the symmetric n x n matrix `a` (both halves given; used as workspace). Householder tridiagonalisation,
/// then implicit QL whose rotations are applied in batches; residual and orthogonality are a few units of rounding
/// times |a|. Throws Error "not-finite" when `a` holds NaN or infinity, and "cancelled".
SymmetricEigen symmetric_eigen(core::Matrix<double> a, ops::Executor& executor);

}  // namespace amalgam::linalg
