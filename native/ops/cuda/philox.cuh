// Random numbers as a function of what they are for, on the card: the same words as core/random.h.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

struct FourWords {
  uint32_t words[4];
};

/// Philox4x32-10 (Salmon et al. 2011).
__device__ inline FourWords philox4x32(FourWords counter, uint32_t key0, uint32_t key1) {
  constexpr uint64_t multiplier0 = 0xD2511F53u;
  constexpr uint64_t multiplier1 = 0xCD9E8D57u;
  constexpr uint32_t step0 = 0x9E3779B9u;
  constexpr uint32_t step1 = 0xBB67AE85u;
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = multiplier0 * counter.words[0];
    const uint64_t product1 = multiplier1 * counter.words[2];
    counter = FourWords{{static_cast<uint32_t>(product1 >> 32) ^ counter.words[1] ^ key0, static_cast<uint32_t>(product1),
                         static_cast<uint32_t>(product0 >> 32) ^ counter.words[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += step0;
    key1 += step1;
  }
  return counter;
}
