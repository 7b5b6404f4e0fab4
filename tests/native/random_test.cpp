// The generator against the known answers that its authors publish (Random123, tests/kat_vectors), and what a stream
// promises.
#include "core/random.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
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

TEST("normal numbers come in pairs from the two numbers of a block, by their index alone") {
  const RandomStream stream(5, "normal");
  for (const std::uint64_t pair : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40}) {
    const double u = (static_cast<double>(stream.at(2 * pair) >> 11) + 1) / 0x1p53;
    const double v = static_cast<double>(stream.at(2 * pair + 1) >> 11) / 0x1p53;
    const double first = stream.normal_at(2 * pair);
    const double second = stream.normal_at(2 * pair + 1);
    CHECK_NEAR(first * first + second * second, -2 * std::log(u), 1e-12);
    CHECK_NEAR(first, std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v), 1e-12);
    CHECK_NEAR(second, std::sqrt(-2 * std::log(u)) * std::sin(2 * std::numbers::pi * v), 1e-12);
  }
}

TEST("normal numbers have the moments of the normal distribution, and neighbours do not know each other") {
  const RandomStream stream(11, "moments");
  constexpr int count = 400000;
  double powers[4] = {};
  double neighbours = 0;
  int within_one = 0;
  for (int i = 0; i < count; ++i) {
    const double number = stream.normal_at(static_cast<std::uint64_t>(i));
    CHECK(std::abs(number) <= 8.6);
    double power = 1;
    for (double& sum : powers) sum += power *= number;
    if (i % 2 == 0) neighbours += number * stream.normal_at(static_cast<std::uint64_t>(i) + 1);
    within_one += std::abs(number) < 1;
  }
  // Four standard errors of each moment: sqrt(var(x^k) / count) with var 1, 2, 15 and 96.
  CHECK_NEAR(powers[0] / count, 0, 4 * std::sqrt(1.0 / count));
  CHECK_NEAR(powers[1] / count, 1, 4 * std::sqrt(2.0 / count));
  CHECK_NEAR(powers[2] / count, 0, 4 * std::sqrt(15.0 / count));
  CHECK_NEAR(powers[3] / count, 3, 4 * std::sqrt(96.0 / count));
  CHECK_NEAR(neighbours / (count / 2), 0, 4 * std::sqrt(2.0 / count));
  CHECK_NEAR(within_one / static_cast<double>(count), std::erf(std::sqrt(0.5)), 4 * std::sqrt(0.22 / count));
}
