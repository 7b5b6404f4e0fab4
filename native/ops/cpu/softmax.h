// The exponentials of a row of scores, as attention and its backward share them.
#pragma once

#include <cstdint>

#include "ops/cpu/exponential.h"
#include "ops/cpu/lanes.h"

namespace amalgam::ops::cpu {

/// e^((score - largest) * scale) of positions [low, high) in place, 0 for the others of `count`; returns their sum,
/// made in lanes by position.
inline float exponentials(float* scores, std::int64_t low, std::int64_t high, std::int64_t count, float scale) {
  float total = 0;
  core::vectorised([&]() AMALGAM_INLINE {
    const float largest = largest_of(scores + low, high - low);
    for (std::int64_t i = 0; i < low; ++i) scores[i] = 0.0f;
    for (std::int64_t i = low; i < high; ++i) scores[i] = exponential((scores[i] - largest) * scale);
    for (std::int64_t i = high; i < count; ++i) scores[i] = 0.0f;
    Lanes sums{};
    const std::int64_t start = low / lanes * lanes;
    for_lanes(scores + start, high - start, 0.0f, [&](const Lanes& sixteen) AMALGAM_INLINE { sums += sixteen; });
    total = sum_of(sums);
  });
  return total;
}

}  // namespace amalgam::ops::cpu
