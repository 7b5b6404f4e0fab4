#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/exponential.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::swiglu_back(Executor& executor, Array gate, Array up, Array d_out, Array d_gate, Array d_up) {
  for (const Array& other : {up, d_out, d_gate, d_up}) {
    require(other.rows == gate.rows && other.cols == gate.cols, "swiglu_back: shapes");
    require(gate.type == core::DType::F32 && other.type == core::DType::F32, "swiglu_back: activations are F32");
  }
  // With s = 1 / (1 + e^-gate): d_gate = d_out up s (1 + gate (1 - s)), d_up = d_out gate s.
  for_rows(executor, gate.rows, gate.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* x = row_of(gate, i);
        const float* y = row_of(up, i);
        const float* gradient = row_of(d_out, i);
        float* to_gate = row_of(d_gate, i);
        float* to_up = row_of(d_up, i);
        for (std::int64_t j = 0; j < gate.cols; ++j) {
          const float s = 1.0f / (1.0f + exponential(-x[j]));
          const float swish = x[j] * s;
          const float slope = s + swish * (1.0f - s);
          const float d = gradient[j];
          to_gate[j] = d * y[j] * slope;
          to_up[j] = d * swish;
        }
      }
    });
  });
}

}  // namespace amalgam::ops
