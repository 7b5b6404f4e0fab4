// Products in short runs, and of pairs of bfloat16 numbers: good to the last bits of long sums.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/bf16.h"
#include "ops/gemm.h"
#include "random_matrix.h"
#include "runner.h"

using namespace amalgam;
using core::InstructionSet;
using core::Matrix;

namespace {

const core::CancelToken never;

/// What every float of a factor holds as a pair of bfloat16 numbers.
float pair_of(float low, float high) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(core::f32_to_bf16(high)) << 16 | core::f32_to_bf16(low));
}

/// Only the upper half was computed.
void mirror(Matrix<float>& square) {
  for (std::int64_t i = 0; i < square.rows(); ++i) {
    for (std::int64_t j = 0; j < i; ++j) square(i, j) = square(j, i);
  }
}

/// The largest difference from the sums in double, relative to the lengths of the two vectors.
double worst(const Matrix<float>& c, const Matrix<double>& x, const Matrix<double>& y) {
  double most = 0;
  for (std::int64_t i = 0; i < x.cols(); ++i) {
    for (std::int64_t j = 0; j < y.cols(); ++j) {
      double sum = 0;
      double left = 0;
      double right = 0;
      for (std::int64_t k = 0; k < x.rows(); ++k) {
        sum += x(k, i) * y(k, j);
        left += x(k, i) * x(k, i);
        right += y(k, j) * y(k, j);
      }
      most = std::max(most, std::abs(c(i, j) - sum) / std::sqrt(left * right));
    }
  }
  return most;
}

}  // namespace

TEST("products in short runs and of bfloat16 pairs are good to 4e-7 of the vectors' lengths on any thread count") {
  test::Random random(7);
  const auto draw = [&](std::int64_t rows, std::int64_t cols) {
    Matrix<float> numbers = test::random_matrix<float>(random, rows, cols);
    for (std::int64_t i = 0; i < numbers.size(); ++i) {
      numbers.data()[i] = core::bf16_to_f32(core::f32_to_bf16(numbers.data()[i]));
    }
    return numbers;
  };
  const auto widened = [](const Matrix<float>& numbers) {
    Matrix<double> wide(numbers.rows(), numbers.cols());
    for (std::int64_t i = 0; i < numbers.size(); ++i) wide.data()[i] = numbers.data()[i];
    return wide;
  };
  const auto paired = [](const Matrix<float>& numbers) {
    Matrix<float> pairs(numbers.rows() / 2, numbers.cols());
    for (std::int64_t k = 0; k < pairs.rows(); ++k) {
      for (std::int64_t j = 0; j < pairs.cols(); ++j) pairs(k, j) = pair_of(numbers(2 * k, j), numbers(2 * k + 1, j));
    }
    return pairs;
  };
  for (const std::int64_t k : {2, 64, 130, 2050}) {
    const Matrix<float> x = draw(k, 45);
    const Matrix<float> y = draw(k, 37);
    for (const int threads : {1, 3}) {
      ops::Executor executor(threads, never);
      Matrix<float> square(45, 45);
      Matrix<float> cross(45, 37);
      ops::upper_gram_in_runs(executor, ops::strided(x), square.view());
      mirror(square);
      ops::gemm_in_runs(executor, ops::strided(x).transposed(), ops::strided(y), cross.view());
      CHECK(worst(square, widened(x), widened(x)) < 4e-7);
      CHECK(worst(cross, widened(x), widened(y)) < 4e-7);
      if (!ops::has_pair_products(executor.instruction_set())) continue;
      const Matrix<float> x_pairs = paired(x);
      const Matrix<float> y_pairs = paired(y);
      ops::upper_gram_of_pairs(executor, ops::strided(x_pairs), square.view());
      mirror(square);
      ops::gemm_of_pairs(executor, ops::strided(x_pairs).transposed(), ops::strided(y_pairs), cross.view());
      CHECK(worst(square, widened(x), widened(x)) < 4e-7);
      CHECK(worst(cross, widened(x), widened(y)) < 4e-7);
    }
  }
  CHECK(!ops::has_pair_products(InstructionSet::portable));
}
