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

/// Memory that is used again from module to module.
struct CompareSpace {
  RankUnits left;
  RankUnits right;
  Bf16Units left_bf16;
  Bf16Units right_bf16;
  core::Matrix<float> out;
  core::Matrix<float> in;
};

/// products(i, j) = <c_i B_i A_i, c_j B_j A_j> for every source i of `left` and j of `right`, or, where `right` is
/// empty, of `left` as well (symmetric to the bit). All sources agree in `in` and `out`. Reads the factors. Throws the
/// errors of load_units.
core::Matrix<double> update_products(std::span<const UnitSource> left, std::span<const UnitSource> right,
                                     CompareSpace& space, ops::Executor& executor);

/// Bytes that update_products needs at once for so many units.
std::int64_t product_bytes(std::int64_t left_units, std::int64_t right_units, std::int64_t in, std::int64_t out);

}  // namespace amalgam::lora
