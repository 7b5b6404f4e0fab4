// The best fit of lower rank to a large dense matrix.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "linalg/truncate.h"
#include "ops/executor.h"

namespace amalgam::linalg {

/// Up to this shorter side the fit is exact, from all eigenvectors of the Gram matrix; above it only the leading
/// directions are sought, to subspace_residual.
inline constexpr std::int64_t largest_exact_side = 1024;

/// A cut that takes less than this fraction of the norm is rounding of the entries, which are float: it counts as
/// nothing.
inline constexpr double dense_noise = 3e-7;

/// truncate() for dense matrices in float: cuts `matrix` to at most `rank` without a copy of it in double. `norm` is
/// that of the whole matrix; `discarded` follows from it less the kept singular values. The matrix may be scaled by a
/// power of two, in place. Throws Error "not-finite" when it holds NaN or infinity, and "cancelled". Equal bits for any
/// number of threads.
Truncation dense_truncate(core::MatrixView<float> matrix, std::int64_t rank, ops::Executor& executor);

/// Bytes that dense_truncate holds besides an m x n matrix, at most.
std::uint64_t bytes_to_truncate(std::int64_t m, std::int64_t n, std::int64_t rank);

}  // namespace amalgam::linalg
