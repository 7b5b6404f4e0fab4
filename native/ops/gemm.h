// Matrix products: C = A B, or C += A B.
//
// Every element of C is summed in one fixed order, whatever the threads, the tiling or the shape of the rest: k runs in
// blocks of gemm_k_block; within a block one sum starts from zero and takes a fused multiply-add per step; the blocks'
// sums are added to C in order. So results are equal bit for bit over thread counts, and over all processors that have
// fused multiply-add. (x86 processors without AVX2 have none: their portable path multiplies and adds with two
// roundings.)
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::ops {

inline constexpr std::int64_t gemm_k_block = 384;

/// Steps after which gemm_in_runs and its kin begin a new sum.
inline constexpr int gemm_run = 64;

/// The bits of a bfloat16.
enum class Bf16 : std::uint16_t {};
/// The bits of an IEEE binary16.
enum class F16 : std::uint16_t {};

/// rows x cols elements, element (i, j) at data[i * row_stride + j * col_stride]. Owns nothing.
template <typename T>
struct Strided {
  const T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 0;

  Strided transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};

template <typename T>
Strided<T> strided(core::MatrixView<const T> view) {
  return {view.data, view.rows, view.cols, view.stride, 1};
}
template <typename T>
Strided<T> strided(const core::Matrix<T>& matrix) {
  return strided(matrix.view());
}

/// Whether a product replaces what C holds or is added to it.
enum class Into { overwrite, accumulate };

/// a (m x k) times b (k x n) into c (m x n). Sums run in c's type; narrower inputs are widened, exactly, while they are
/// packed. Shapes that do not fit are a bug and throw std::logic_error; throws Error "cancelled" between panels.
void gemm(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c, Into into);
void gemm(Executor& executor, Strided<float> a, Strided<Bf16> b, core::MatrixView<float> c, Into into);
void gemm(Executor& executor, Strided<float> a, Strided<F16> b, core::MatrixView<float> c, Into into);
void gemm(Executor& executor, Strided<double> a, Strided<double> b, core::MatrixView<double> c, Into into);
void gemm(Executor& executor, Strided<double> a, Strided<float> b, core::MatrixView<double> c, Into into);
void gemm(Executor& executor, Strided<float> a, Strided<double> b, core::MatrixView<double> c, Into into);
void gemm(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<double> c, Into into);

/// c (n x n) = x^T x for x of k x n, symmetric to the bit; each element has the bits that gemm gives it. Costs little
/// more than half of gemm.
void gram(Executor& executor, Strided<float> x, core::MatrixView<float> c);
void gram(Executor& executor, Strided<float> x, core::MatrixView<double> c);
void gram(Executor& executor, Strided<double> x, core::MatrixView<double> c);

/// The same with less rounding, for a few per cent more time: within a block a new sum begins after every gemm_run
/// steps, and the runs' sums are added in order. Long sums of squares of short numbers, whose rounding leans to one
/// side, come out to 4e-7. Of x^T x only the elements (i, j) with i <= j are computed; those below the diagonal hold
/// anything.
void gemm_in_runs(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c);
void upper_gram_in_runs(Executor& executor, Strided<float> x, core::MatrixView<float> c);

/// Products of bfloat16 numbers at twice the speed. The bits of every float are two numbers, and one step adds both
/// products; sums run in float, as above, over half as many steps. Numbers below 1e-38 count as 0. Only where
/// has_pair_products says so, else std::logic_error.
bool has_pair_products(core::InstructionSet set);
void gemm_of_pairs(Executor& executor, Strided<float> a, Strided<float> b, core::MatrixView<float> c);
void upper_gram_of_pairs(Executor& executor, Strided<float> x, core::MatrixView<float> c);

}  // namespace amalgam::ops
