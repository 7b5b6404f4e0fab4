// The leading singular directions of a large dense matrix, by block Lanczos iteration.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "ops/executor.h"
#include "ops/gemm.h"

namespace amalgam::linalg {

/// What leading_directions has reached when it stops: for every direction v with its singular value sigma = |A v| and
/// u = A v / sigma, |A^T u - sigma v| is at most this fraction of the largest sigma. Products run in float, whose own
/// rounding is some 1e-7.
inline constexpr double subspace_residual = 1e-5;

struct LeadingDirections {
  core::Matrix<double> vectors;  ///< n x k, orthonormal columns, in falling order of |A v|
  double residual;               ///< the largest of the residuals, as a fraction of the largest singular value
  int products;                  ///< how often A and A^T were applied to a block
};

/// The right singular vectors of the `count` largest singular values of a (m x n, entries near 1 in size), fewer when a
/// has a lower rank. Golub and Kahan's bidiagonalisation by blocks, with full orthogonalisation and thick restarts
/// (Baglama and Reichel 2005), from a fixed seeded start: equal input gives equal bits for any number of threads. Should
/// the residual not be reached after many products (singular values equal to some digits around the cut), the best
/// directions found are returned: they are orthonormal all the same, so that what a fit by them leaves out is known.
LeadingDirections leading_directions(ops::Strided<float> a, std::int64_t count, ops::Executor& executor);

/// The most directions of each side that are held for `count` wanted ones.
std::int64_t directions_held(std::int64_t count);

/// Whether `count` of n directions are few enough for the iteration to pay.
bool fits_subspace(std::int64_t n, std::int64_t count);

}  // namespace amalgam::linalg
