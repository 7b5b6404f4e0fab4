// Seeded matrices for tests: the same numbers on every machine.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace amalgam::test {

/// A counter put through a mixing function (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [-1, 1).
  double number() { return static_cast<double>(bits() >> 11) * 0x1p-52 - 1.0; }
  /// Uniform in [low, high].
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

template <typename T>
core::Matrix<T> random_matrix(Random& random, std::int64_t rows, std::int64_t cols) {
  core::Matrix<T> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<T>(random.number());
  return matrix;
}

}  // namespace amalgam::test
