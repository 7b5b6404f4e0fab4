// Random numbers that are a function of what they are for: of a seed and a text, never of threads, order or device.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace amalgam::core {

/// Philox4x32-10 (core/philox.h): four words from a counter of four words and a key of two.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// The numbers of one (seed, text). The seed is the key; the text, hashed, is the upper half of the counter; the
/// number's index is the lower half.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view text);

  /// 64 random bits: number `index` of the stream.
  std::uint64_t at(std::uint64_t index) const;

  /// Normal number `index` of the stream, of mean 0 and deviation 1 (Box and Muller 1958). Each pair takes the two
  /// numbers of one block: u from `at(2k)` in (0, 1], v from `at(2k + 1)` in [0, 1), both of 53 bits, give
  /// sqrt(-2 ln u) cos(2 pi v) at index 2k and sqrt(-2 ln u) sin(2 pi v) at 2k + 1. At most 8.6 in size.
  double normal_at(std::uint64_t index) const;

  /// The next 64 bits, from index 0 on.
  std::uint64_t next() { return at(position_++); }

  /// The next number, uniform in [0, 1), of 53 bits.
  double next_uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t seed_;
  std::uint64_t text_hash_;
  std::uint64_t position_ = 0;
};

}  // namespace amalgam::core
