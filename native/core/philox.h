// Philox4x32-10 (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3), written so that loops over counters
// become vector code and that it compiles for graphics cards too.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define AMALGAM_ANYWHERE __host__ __device__ __forceinline__
#else
#define AMALGAM_ANYWHERE inline __attribute__((always_inline))
#endif

namespace amalgam::core {

struct PhiloxWords {
  std::uint32_t word[4];
};

/// Four random words from a counter of four words and a key of two.
AMALGAM_ANYWHERE PhiloxWords philox(PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xd2511f53u} * counter.word[0];
    const std::uint64_t second = std::uint64_t{0xcd9e8d57u} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(second >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(second),
                static_cast<std::uint32_t>(first >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(first)}};
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  return counter;
}

}  // namespace amalgam::core
