// Masks of 0 and 1 beside arrays that are learned.
#pragma once

#include <cstdint>

#include "ops/cpu/arrays.h"

namespace amalgam::ops::cpu {

/// A mask without data takes every element; others are U8 of the array's shape.
inline void require_mask(const Array& mask, const Array& of) {
  const bool fits = mask.type == core::DType::U8 && mask.rows == of.rows && mask.cols == of.cols;
  require(mask.data == nullptr || fits, "a mask is U8 of the array's shape");
}

inline const std::uint8_t* mask_row(const Array& mask, std::int64_t row) {
  return static_cast<const std::uint8_t*>(mask.data) + row * mask.stride;
}

}  // namespace amalgam::ops::cpu
