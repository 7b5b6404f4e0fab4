// What a method of kind "cluster" is given: the units of all sources of one module as one pool, and their inner
// products.
#pragma once

#include <cstdint>
#include <functional>

#include "core/tensor.h"
#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::methods {

/// Unit p of the pool is the vector [a_p ; b_p] with everything folded in: sqrt|coefficient * scaling| on both halves,
/// the sign on b. The units' own c is 1. Sources stand in an order that does not depend on the recipe's; those whose
/// coefficient is 0 bring no units.
struct UnitPool {
  lora::RankUnits units;
  core::Matrix<double> in_products;   ///< P x P, a_p . a_q
  core::Matrix<double> out_products;  ///< P x P, b_p . b_q
  /// The seed of this module: from the job's seed and the module's name, so that order and threads do not matter.
  std::uint64_t seed;
  ops::Executor& executor;
};

/// The pool of units that have everything folded in.
UnitPool make_pool(lora::RankUnits units, std::uint64_t seed, ops::Executor& executor);

/// cluster: from the pool of one module to the units of the result.
using Cluster = std::function<lora::RankUnits(const UnitPool&)>;

}  // namespace amalgam::methods
