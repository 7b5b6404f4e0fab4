// bfloat16 numbers in memory, one or eight (16 bytes) at a time, widened to float in registers.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "ops/backend.h"

using Bf16 = __nv_bfloat16;

struct alignas(16) SixteenBytes {
  unsigned words[4];
};

/// Two numbers rounded to bfloat16, `low` in the lower half.
__device__ inline unsigned pack_two(float low, float high) {
  const unsigned low_bits = __bfloat16_as_ushort(__float2bfloat16_rn(low));
  const unsigned high_bits = __bfloat16_as_ushort(__float2bfloat16_rn(high));
  return low_bits | high_bits << 16;
}

__device__ inline float widen_low(unsigned two) { return __uint_as_float(two << 16); }
__device__ inline float widen_high(unsigned two) { return __uint_as_float(two & 0xffff0000u); }

/// `width` numbers, 1 or 8; eight of them begin at a multiple of 16 bytes.
template <int width>
__device__ inline void load_numbers(const Bf16* from, float (&numbers)[width]) {
  static_assert(width == 1 || width == 8, "one number or 16 bytes");
  if constexpr (width == 1) {
    numbers[0] = __bfloat162float(*from);
  } else {
    const SixteenBytes packed = *reinterpret_cast<const SixteenBytes*>(from);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      numbers[2 * i] = widen_low(packed.words[i]);
      numbers[2 * i + 1] = widen_high(packed.words[i]);
    }
  }
}

template <int width>
__device__ inline void store_numbers(Bf16* to, const float (&numbers)[width]) {
  static_assert(width == 1 || width == 8, "one number or 16 bytes");
  if constexpr (width == 1) {
    *to = __float2bfloat16_rn(numbers[0]);
  } else {
    SixteenBytes packed;
#pragma unroll
    for (int i = 0; i < 4; ++i) packed.words[i] = pack_two(numbers[2 * i], numbers[2 * i + 1]);
    *reinterpret_cast<SixteenBytes*>(to) = packed;
  }
}

inline Bf16* bf16_data(const AmalgamArray& array) { return static_cast<Bf16*>(array.data); }

/// Whether rows of the array can be read eight numbers at a time.
inline bool in_eights(const AmalgamArray& array) {
  return array.cols % 8 == 0 && array.stride % 8 == 0 && reinterpret_cast<uintptr_t>(array.data) % 16 == 0;
}
