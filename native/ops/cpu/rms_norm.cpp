#include <cmath>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/lanes.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::rms_norm(Executor& executor, Array x, Array weight, float eps, Array out) {
  require(x.rows == out.rows && x.cols == out.cols, "rms_norm: shapes");
  require(weight.rows == 1 && weight.cols == x.cols, "rms_norm: weight is 1 x cols");
  require(x.type == core::DType::F32 && out.type == core::DType::F32, "rms_norm: activations are F32");
  const std::int64_t cols = x.cols;
  std::vector<float> wide(static_cast<std::size_t>(cols));
  core::to_f32(weight.type, static_cast<const std::byte*>(weight.data), cols, wide.data());
  for_rows(executor, x.rows, cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&, factors = wide.data()]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* from = row_of(x, i);
        float* to = row_of(out, i);
        Lanes squares{};
        for_lanes(from, cols, 0.0f, [&](const Lanes& numbers) AMALGAM_INLINE { squares += numbers * numbers; });
        const float scale = 1.0f / std::sqrt(sum_of(squares) / static_cast<float>(cols) + eps);
        for (std::int64_t j = 0; j < cols; ++j) to[j] = from[j] * scale * factors[j];
      }
    });
  });
}

}  // namespace amalgam::ops
