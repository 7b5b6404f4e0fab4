#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"
#include "ops/gemm.h"

namespace amalgam::ops {

void cpu::weight_back(Executor& executor, Array d_out, Array x, Array d_w) {
  require(d_out.rows == x.rows && d_w.rows == d_out.cols && d_w.cols == x.cols, "weight_back: shapes");
  const Strided<float> gradients = strided<float>(core::MatrixView<const float>(floats(d_out)));
  const Strided<float> inputs = strided<float>(core::MatrixView<const float>(floats(x)));
  gemm(executor, gradients.transposed(), inputs, floats(d_w), Into::accumulate);
}

}  // namespace amalgam::ops
