// Inner products between the updates of rank units, and the norm of their sum. No update is ever formed.
#pragma once

#include <span>

#include "core/tensor.h"
#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// P[u, v] = <b_u a_u, b_v a_v> = (b_u . b_v)(a_u . a_v), without the scales c; R x R, in double.
core::Matrix<double> unit_products(const RankUnits& units, ops::Executor& executor);

/// The Frobenius norm of sum_u c[u] b_u a_u: the root of c^T P c, in double.
double update_norm(const core::Matrix<double>& products, std::span<const double> c);

/// The same norm to about six digits in half the time: products in float, their sum in double. Falls back to double
/// where float would not do, because units nearly cancel or their lengths come near the ends of its range.
double quick_update_norm(const RankUnits& units, ops::Executor& executor);

}  // namespace amalgam::lora
