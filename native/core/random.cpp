#include "core/random.h"

#include "core/philox.h"

#include <cmath>
#include <numbers>

namespace amalgam::core {

namespace {

/// FNV-1a of 64 bits (Fowler, Noll and Vo).
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return hash;
}

std::uint32_t low(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
std::uint32_t high(std::uint64_t bits) { return static_cast<std::uint32_t>(bits >> 32); }

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  return std::to_array(philox({{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]).word);
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view text) : seed_(seed), text_hash_(hash_of(text)) {}

std::uint64_t RandomStream::at(std::uint64_t index) const {
  const std::uint64_t block = index / 2;  // a block holds two numbers
  const auto words =
      philox4x32({low(block), high(block), low(text_hash_), high(text_hash_)}, {low(seed_), high(seed_)});
  const std::size_t first = index % 2 == 0 ? 0 : 2;
  return (std::uint64_t{words[first + 1]} << 32) | words[first];
}

double RandomStream::normal_at(std::uint64_t index) const {
  const std::uint64_t pair = index & ~std::uint64_t{1};
  const double u = static_cast<double>((at(pair) >> 11) + 1) * 0x1p-53;
  const double v = static_cast<double>(at(pair + 1) >> 11) * 0x1p-53;
  const double radius = std::sqrt(-2 * std::log(u));
  const double angle = 2 * std::numbers::pi * v;
  return radius * (index == pair ? std::cos(angle) : std::sin(angle));
}

}  // namespace amalgam::core
