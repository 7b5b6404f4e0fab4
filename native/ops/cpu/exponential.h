// exp for loops that become vector code.
#pragma once

#include <bit>
#include <cstdint>

#include "core/vectorised.h"

namespace amalgam::ops::cpu {

/// e^x to 2 units in the last place (1.5e-7 relative) for x from -87.3 to 88.3; 0 below, infinity above, NaN for NaN.
/// x = n ln 2 + r with |r| <= ln 2 / 2, and e^r is its Taylor sum up to r^7, whose rest is below 6e-9. Without fused
/// products, so that all processors give the same bits.
AMALGAM_INLINE inline float exponential(float x) {
  constexpr float round = 0x1.8p23f;  // adding it leaves no room for places after the point
  const float shifted = x * 0x1.715476p0f + round;
  const float n = shifted - round;
  // ln 2 in two parts, the first short enough for n times it to be exact.
  const float r = (x - n * 0x1.62ep-1f) - n * 0x1.0bfbe8p-15f;
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r * r + r + 1.0f;
  const std::uint32_t whole = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(round);
  const std::uint32_t exponent = (whole + 127u) << 23;
  const float result = sum * std::bit_cast<float>(exponent);
  const float above = x > 88.3f ? __builtin_inff() : result;
  return x < -87.3f ? 0.0f : above;
}

}  // namespace amalgam::ops::cpu
