#include <cmath>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/lanes.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

struct RowSums {
  float squares = 0;   ///< sum of x^2
  float products = 0;  ///< sum of x * weight * d_out
};

AMALGAM_INLINE inline RowSums sums_of(const float* x, const float* weight, const float* d_out, std::int64_t cols) {
  Lanes squares{};
  Lanes products{};
  Lanes numbers;
  Lanes factors;
  Lanes gradients;
  std::int64_t j = 0;
  for (; j + lanes <= cols; j += lanes) {
    load(numbers, x + j);
    load(factors, weight + j);
    load(gradients, d_out + j);
    squares += numbers * numbers;
    products += numbers * (factors * gradients);
  }
  if (j < cols) {
    load_part(numbers, x + j, cols - j, 0.0f);
    load_part(factors, weight + j, cols - j, 0.0f);
    load_part(gradients, d_out + j, cols - j, 0.0f);
    squares += numbers * numbers;
    products += numbers * (factors * gradients);
  }
  return {sum_of(squares), sum_of(products)};
}

}  // namespace

void cpu::rms_norm_back(Executor& executor, Array x, Array weight, float eps, Array d_out, Array d_x) {
  require(x.rows == d_out.rows && x.cols == d_out.cols && x.rows == d_x.rows && x.cols == d_x.cols,
          "rms_norm_back: shapes");
  require(weight.rows == 1 && weight.cols == x.cols, "rms_norm_back: weight is 1 x cols");
  require(x.type == core::DType::F32 && d_out.type == core::DType::F32 && d_x.type == core::DType::F32,
          "rms_norm_back: activations are F32");
  require(d_x.data != d_out.data, "rms_norm_back: d_x may not be d_out");
  const std::int64_t cols = x.cols;
  std::vector<float> wide(static_cast<std::size_t>(cols));
  core::to_f32(weight.type, static_cast<const std::byte*>(weight.data), cols, wide.data());
  // With s = sqrt(mean x^2 + eps): d_x += weight d_out / s - x (sum x weight d_out) / (cols s^3).
  for_rows(executor, x.rows, cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&, factors = wide.data()]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* from = row_of(x, i);
        const float* gradient = row_of(d_out, i);
        float* to = row_of(d_x, i);
        const RowSums sums = sums_of(from, factors, gradient, cols);
        const float scale = 1.0f / std::sqrt(sums.squares / static_cast<float>(cols) + eps);
        const float pull = sums.products / static_cast<float>(cols) * scale * scale;
        for (std::int64_t j = 0; j < cols; ++j) to[j] += (factors[j] * gradient[j] - from[j] * pull) * scale;
      }
    });
  });
}

}  // namespace amalgam::ops
