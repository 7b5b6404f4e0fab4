// Inner products between the updates of rank units.
#pragma once

#include <span>

#include "core/tensor.h"
#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// P[u, v] = <b_u a_u, b_v a_v> = (b_u . b_v)(a_u . a_v), without the scales c; R x R, in double. No update is formed.
core::Matrix<double> unit_products(const RankUnits& units, ops::Executor& executor);

/// The Frobenius norm of sum_u c[u] b_u a_u: the root of c^T P c.
double update_norm(const core::Matrix<double>& products, std::span<const double> c);

}  // namespace amalgam::lora
