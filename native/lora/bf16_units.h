// Rank units of bfloat16 factors, as the products of pairs of numbers take them: not widened, two numbers to a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/cancel.h"
#include "core/tensor.h"
#include "lora/factors.h"

namespace amalgam::lora {

/// The bits of a float are two numbers; where a side is odd the last one's partner is 0.
///   a  R x ceil(in / 2)    neighbours in a row of A
///   b  ceil(out / 2) x R   neighbours in a column of B
struct Bf16Units {
  core::Matrix<float> a;
  core::Matrix<float> b;
  core::Matrix<std::byte> read;  ///< of one source as in the file
  core::Matrix<std::byte> read_b;

  std::int64_t count() const { return a.rows(); }
};

/// True when every factor is stored as bfloat16.
bool all_bf16(std::span<const UnitSource> sources);

/// All units of a module, stacked in the order of `sources`, which must agree in `in` and `out` and be all_bf16. NaN
/// and infinities are taken over: that a product with itself is finite says that there were none. Throws the errors of
/// reading, "cancelled". The memory of `spare` is used again where it suffices.
Bf16Units load_bf16_units(std::span<const UnitSource> sources, Bf16Units spare, const core::CancelToken& cancel);

}  // namespace amalgam::lora
