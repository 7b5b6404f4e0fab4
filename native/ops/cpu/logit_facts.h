// What is asked of a row of logits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "ops/cpu/exponential.h"
#include "ops/cpu/lanes.h"

namespace amalgam::ops::cpu {

/// Most logits in memory at a time.
inline constexpr std::int64_t logits_in_chunk = (std::int64_t{64} << 20) / static_cast<std::int64_t>(sizeof(float));

struct LogitFacts {
  bool finite = true;
  float largest = 0;
  double log_total = 0;  ///< log of the sum of e^(logit - largest)
  double mean = 0;       ///< of logit - largest, under their softmax
};

/// Which of the facts are made, beyond the first two.
enum class Totals { none, log_total, with_mean };

/// Sums are in double, in sixteen lanes.
inline LogitFacts logit_facts(const float* logits, std::int64_t count, Totals totals) {
  typedef double DoubleLanes __attribute__((vector_size(128)));
  constexpr std::int64_t buffered = 32 * lanes;  // exponentials that are made before they are added
  LogitFacts facts;
  core::vectorised([&]() AMALGAM_INLINE {
    std::uint32_t bad = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      bad |= (std::bit_cast<std::uint32_t>(logits[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    }
    facts.finite = bad == 0;
    facts.largest = largest_of(logits, count);
    if (bad != 0 || totals == Totals::none) return;
    DoubleLanes sums{};
    DoubleLanes products{};
    float exponentials[buffered];
    for (std::int64_t begin = 0; begin < count; begin += buffered) {
      const std::int64_t present = count - begin < buffered ? count - begin : buffered;
      const float* own = logits + begin;
      for (std::int64_t i = 0; i < present; ++i) exponentials[i] = exponential(own[i] - facts.largest);
      for_lanes(exponentials, present, 0.0f, [&](const Lanes& sixteen) AMALGAM_INLINE {
        sums += __builtin_convertvector(sixteen, DoubleLanes);
      });
      if (totals != Totals::with_mean) continue;
      for (std::int64_t i = 0; i < present; ++i) exponentials[i] *= own[i] - facts.largest;
      for_lanes(exponentials, present, 0.0f, [&](const Lanes& sixteen) AMALGAM_INLINE {
        products += __builtin_convertvector(sixteen, DoubleLanes);
      });
    }
    double total = 0;
    double weighted = 0;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      total += sums[lane];
      weighted += products[lane];
    }
    facts.log_total = std::log(total);
    facts.mean = weighted / total;
  });
  return facts;
}

}  // namespace amalgam::ops::cpu
