// Sixteen floats side by side, for sums in one fixed order: number i of a row goes to lane i mod 16, and the lanes are
// added pairwise at the end. Compiled to the widest vectors inside core::vectorised. Vectors are passed by reference,
// because their calling convention differs between the instruction sets.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/vectorised.h"

namespace amalgam::ops::cpu {

inline constexpr std::int64_t lanes = 16;
typedef float Lanes __attribute__((vector_size(64)));

AMALGAM_INLINE inline void load(Lanes& out, const float* from) { std::memcpy(&out, from, sizeof out); }

/// The first `count` lanes from memory, the others `rest`.
AMALGAM_INLINE inline void load_part(Lanes& out, const float* from, std::int64_t count, float rest) {
  float sixteen[lanes];
  for (std::int64_t i = 0; i < lanes; ++i) sixteen[i] = i < count ? from[i] : rest;
  load(out, sixteen);
}

/// Calls step(numbers) for every sixteen of `count` numbers; the last are filled up with `rest`.
template <typename Step>
AMALGAM_INLINE inline void for_lanes(const float* numbers, std::int64_t count, float rest, Step step) {
  Lanes sixteen;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    load(sixteen, numbers + i);
    step(sixteen);
  }
  if (i < count) {
    load_part(sixteen, numbers + i, count - i, rest);
    step(sixteen);
  }
}

/// All lanes added, pairwise.
AMALGAM_INLINE inline float sum_of(const Lanes& sums) {
  float lane[lanes];
  std::memcpy(lane, &sums, sizeof lane);
  for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
    for (std::int64_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// The largest of `count` numbers, at least one. NaNs are passed over; of nothing else the largest is -infinity.
AMALGAM_INLINE inline float largest_of(const float* numbers, std::int64_t count) {
  Lanes most;
  load_part(most, numbers, 0, -__builtin_inff());
  for_lanes(numbers, count, -__builtin_inff(),
            [&](const Lanes& sixteen) AMALGAM_INLINE { most = sixteen > most ? sixteen : most; });
  float result = most[0];
  for (std::int64_t i = 1; i < lanes; ++i) result = most[i] > result ? most[i] : result;
  return result;
}

}  // namespace amalgam::ops::cpu
