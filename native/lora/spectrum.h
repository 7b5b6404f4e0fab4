// The singular values of an update, from its factors' inner products. No update is ever formed.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// Up to this rank spectra are computed: the work grows with its cube.
inline constexpr std::int64_t most_spectrum_rank = 512;

/// Singular values this small, relative to the largest, are rounding of zero.
inline constexpr double spectrum_tolerance = 1e-7;

/// The R singular values of B A, falling, from B^T B (`out`) and A A^T (`in`), both R x R: the squares are the
/// eigenvalues of L^T (A A^T) L with B^T B = L L^T, where the columns of B have been brought to length 1 and the rows
/// of A made longer in turn, so that how an update is split between its factors does not matter. Those at or below
/// spectrum_tolerance times the largest are 0. Throws Error "not-finite" and "cancelled".
std::vector<double> singular_values(core::Matrix<double> out, core::Matrix<double> in, ops::Executor& executor);

}  // namespace amalgam::lora
