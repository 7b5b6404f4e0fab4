#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"
#include "ops/gemm.h"

namespace amalgam::ops {

namespace {

template <typename Stored>
Strided<Stored> rows_of(const Array& w) {
  return {static_cast<const Stored*>(w.data), w.rows, w.cols, w.stride, 1};
}

}  // namespace

void cpu::linear_back(Executor& executor, Array d_out, Array w, Array d_x, Into into) {
  require(d_out.cols == w.rows && d_x.cols == w.cols && d_x.rows == d_out.rows, "linear_back: shapes");
  const Strided<float> rows = strided<float>(core::MatrixView<const float>(floats(d_out)));
  switch (w.type) {
    case core::DType::F32: return gemm(executor, rows, rows_of<float>(w), floats(d_x), into);
    case core::DType::BF16: return gemm(executor, rows, rows_of<Bf16>(w), floats(d_x), into);
    case core::DType::F16: return gemm(executor, rows, rows_of<F16>(w), floats(d_x), into);
    default: require(false, "linear_back: weights are F32, BF16 or F16");
  }
}

}  // namespace amalgam::ops
