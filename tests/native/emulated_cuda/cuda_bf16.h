// Stands in for NVIDIA's header of this name: the type and the conversions that the kernels use.
#pragma once

#include "core/bf16.h"

struct __nv_bfloat16 {
  unsigned short bits;
};

inline float __bfloat162float(__nv_bfloat16 number) { return amalgam::core::bf16_to_f32(number.bits); }
inline __nv_bfloat16 __float2bfloat16_rn(float number) { return {amalgam::core::f32_to_bf16(number)}; }
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 number) { return number.bits; }
