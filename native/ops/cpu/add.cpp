#include <vector>

#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::add(Executor& executor, Array x, Array y) {
  require(x.rows == y.rows && x.cols == y.cols, "add: shapes");
  require(x.type == core::DType::F32 && y.type == core::DType::F32, "add: activations are F32");
  for_rows(executor, x.rows, x.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        float* sum = row_of(x, i);
        const float* summand = row_of(y, i);
        for (std::int64_t j = 0; j < x.cols; ++j) sum[j] += summand[j];
      }
    });
  });
}

void cpu::add_bias(Executor& executor, Array x, Array bias) {
  require(bias.rows == 1 && bias.cols == x.cols, "add_bias: bias is 1 x cols");
  require(x.type == core::DType::F32, "add_bias: activations are F32");
  std::vector<float> wide(static_cast<std::size_t>(x.cols));
  core::to_f32(bias.type, static_cast<const std::byte*>(bias.data), x.cols, wide.data());
  for_rows(executor, x.rows, x.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&, summand = wide.data()]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        float* sum = row_of(x, i);
        for (std::int64_t j = 0; j < x.cols; ++j) sum[j] += summand[j];
      }
    });
  });
}

}  // namespace amalgam::ops
