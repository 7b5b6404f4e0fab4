// Philox4x32-10 (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3), for single words and for vectors of
// them, on the processor and on graphics cards.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define AMALGAM_ANYWHERE __host__ __device__ __forceinline__
#else
#define AMALGAM_ANYWHERE inline __attribute__((always_inline))
#endif

namespace amalgam::core {

/// The ten rounds over a counter in `word`, which becomes the random words. multiply(word, factor, high, low) gives the
/// two halves of a product; a Word may be many words side by side.
template <typename Word, typename Multiply>
AMALGAM_ANYWHERE void philox_rounds(Word (&word)[4], std::uint32_t key0, std::uint32_t key1, Multiply multiply) {
  for (int round = 0; round < 10; ++round) {
    Word high0, low0, high2, low2;
    multiply(word[0], 0xd2511f53u, high0, low0);
    multiply(word[2], 0xcd9e8d57u, high2, low2);
    word[0] = high2 ^ word[1] ^ key0;
    word[1] = low2;
    word[2] = high0 ^ word[3] ^ key1;
    word[3] = low0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

struct PhiloxWords {
  std::uint32_t word[4];
};

struct WordProduct {
  AMALGAM_ANYWHERE void operator()(std::uint32_t word, std::uint32_t factor, std::uint32_t& high,
                                   std::uint32_t& low) const {
    const std::uint64_t product = std::uint64_t{word} * factor;
    high = static_cast<std::uint32_t>(product >> 32);
    low = static_cast<std::uint32_t>(product);
  }
};

/// Four random words from a counter of four words and a key of two.
AMALGAM_ANYWHERE PhiloxWords philox(PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
  philox_rounds(counter.word, key0, key1, WordProduct());
  return counter;
}

}  // namespace amalgam::core
