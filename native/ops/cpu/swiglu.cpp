#include "ops/cpu/arrays.h"
#include "ops/cpu/exponential.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::swiglu(Executor& executor, Array gate, Array up, Array out) {
  require(gate.rows == up.rows && gate.cols == up.cols && gate.rows == out.rows && gate.cols == out.cols,
          "swiglu: shapes");
  require(gate.type == core::DType::F32 && up.type == core::DType::F32 && out.type == core::DType::F32,
          "swiglu: activations are F32");
  for_rows(executor, gate.rows, gate.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* x = row_of(gate, i);
        const float* y = row_of(up, i);
        float* to = row_of(out, i);
        for (std::int64_t j = 0; j < gate.cols; ++j) to[j] = x[j] / (1.0f + exponential(-x[j])) * y[j];
      }
    });
  });
}

}  // namespace amalgam::ops
