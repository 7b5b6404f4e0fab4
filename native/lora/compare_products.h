// The inner products of one target module's updates, from the factors of all its adapters.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "lora/bf16_units.h"
#include "lora/factors.h"
#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// A module that is compared: `right` is empty where the left sources are compared among themselves. All sources agree
/// in `in` and `out`.
struct ComparedSources {
  std::span<const UnitSource> left;
  std::span<const UnitSource> right;
};

/// The factors of one module in memory, which is used again from module to module.
struct ModuleUnits {
  bool in_bf16 = false;  ///< which of the forms was read
  RankUnits left;
  RankUnits right;
  Bf16Units left_bf16;
  Bf16Units right_bf16;
};

/// Inner products between units, which are used again from module to module.
struct GramSpace {
  core::Matrix<float> out;
  core::Matrix<float> in;
};

/// Reads the factors: not widened where all are bfloat16 and `pair_products` says that these can be multiplied. Throws
/// the errors of load_units, but NaN and infinities in bfloat16 factors are left to update_products.
void read_module(const ComparedSources& sources, bool pair_products, ModuleUnits& units,
                 const core::CancelToken& cancel);

/// products(i, j) = <c_i B_i A_i, c_j B_j A_j> for every source i of the left and j of the right, or of the left as
/// well (symmetric to the bit). `units` are what read_module read of the sources; where float is not enough for
/// bfloat16 factors they are read again. Throws the errors of load_units.
core::Matrix<double> update_products(const ComparedSources& sources, ModuleUnits& units, GramSpace& space,
                                     ops::Executor& executor);

/// Bytes that update_products needs at once for so many units.
std::int64_t product_bytes(std::int64_t left_units, std::int64_t right_units, std::int64_t in, std::int64_t out);

}  // namespace amalgam::lora
