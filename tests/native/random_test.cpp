// The generator against the known answers that its authors publish (Random123, tests/kat_vectors), and what a stream
// promises.
#include "core/random.h"

#include <array>
#include <cstdint>
#include <set>

#include "runner.h"

using namespace amalgam;
using core::RandomStream;

namespace {

using Words = std::array<std::uint32_t, 4>;

void check_answer(const Words& counter, const std::array<std::uint32_t, 2>& key, const Words& expected) {
  const Words words = core::philox4x32(counter, key);
  for (std::size_t i = 0; i < 4; ++i) CHECK_EQ(words[i], expected[i]);
}

}  // namespace

TEST("philox4x32-10 gives the published known answers") {
  constexpr std::uint32_t ones = 0xffffffffu;
  check_answer({0, 0, 0, 0}, {0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  check_answer({ones, ones, ones, ones}, {ones, ones}, {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  check_answer({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u},
               {0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u});
}

TEST("a stream is the blocks of its counter, two numbers each, keyed by the seed") {
  // The hash of no letters is FNV's offset basis.
  const RandomStream stream(0x299f31d0a4093822u, "");
  const Words block = core::philox4x32({1, 0, 0x84222325u, 0xcbf29ce4u}, {0xa4093822u, 0x299f31d0u});
  CHECK_EQ(stream.at(2), (std::uint64_t{block[1]} << 32 | block[0]));
  CHECK_EQ(stream.at(3), (std::uint64_t{block[3]} << 32 | block[2]));
}

TEST("numbers come in the order of their index, and again for the same seed and text") {
  RandomStream one(7, "model.layers.0.self_attn.q_proj");
  RandomStream other(7, "model.layers.0.self_attn.q_proj");
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::uint64_t bits = one.next();
    CHECK_EQ(bits, one.at(i));
    CHECK_EQ(bits, other.next());
  }
}

TEST("another seed or another text gives other numbers") {
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    for (const char* text : {"", "a", "b", "ab", "ba", "restart 1", "restart 2"}) {
      const RandomStream stream(seed, text);
      for (std::uint64_t i = 0; i < 10; ++i) seen.insert(stream.at(i));
    }
  }
  CHECK_EQ(seen.size(), std::size_t{4 * 7 * 10});
}

TEST("uniform numbers lie in [0, 1) and have the mean and variance of uniform ones") {
  RandomStream stream(3, "uniform");
  double sum = 0;
  double squares = 0;
  constexpr int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double number = stream.next_uniform();
    CHECK(number >= 0 && number < 1);
    sum += number;
    squares += number * number;
  }
  const double mean = sum / count;
  CHECK_NEAR(mean, 0.5, 5e-3);
  CHECK_NEAR(squares / count - mean * mean, 1.0 / 12, 2e-3);
}
