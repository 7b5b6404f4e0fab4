#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"
#include "ops/gemm.h"

namespace amalgam::ops {

namespace {

template <typename Stored>
Strided<Stored> columns_of(const Array& w) {
  return {static_cast<const Stored*>(w.data), w.cols, w.rows, 1, w.stride};
}

}  // namespace

void cpu::linear(Executor& executor, Array x, Array w, Array out, Into into) {
  require(x.cols == w.cols && out.cols == w.rows && out.rows == x.rows, "linear: shapes");
  const Strided<float> rows = strided<float>(core::MatrixView<const float>(floats(x)));
  switch (w.type) {
    case core::DType::F32: return gemm(executor, rows, columns_of<float>(w), floats(out), into);
    case core::DType::BF16: return gemm(executor, rows, columns_of<Bf16>(w), floats(out), into);
    case core::DType::F16: return gemm(executor, rows, columns_of<F16>(w), floats(out), into);
    default: require(false, "linear: weights are F32, BF16 or F16");
  }
}

}  // namespace amalgam::ops
