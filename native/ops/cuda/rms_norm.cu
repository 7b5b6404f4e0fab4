#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 256;
constexpr int64_t narrow_cols = 1024;  // rows up to here take a warp each, longer ones a block

// `threads_per_row` is a warp or the whole block. A thread reads its numbers twice, the second time from the cache, and
// writes only numbers that it alone reads, so that out may be x.
template <int width, int threads_per_row>
__global__ void rms_norm_kernel(const Bf16* x, int64_t x_stride, const Bf16* weight, float eps, Bf16* out,
                                int64_t out_stride, int64_t rows, int64_t cols) {
  constexpr int rows_per_block = block_threads / threads_per_row;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / threads_per_row;
  const int64_t first = static_cast<int64_t>(threadIdx.x % threads_per_row) * width;
  constexpr int64_t step = static_cast<int64_t>(threads_per_row) * width;
  if (row >= rows) return;  // a whole warp, or with a block per row none
  const Bf16* from = x + row * x_stride;
  float squares = 0.0f;
  for (int64_t i = first; i < cols; i += step) {
    float numbers[width];
    load_numbers<width>(from + i, numbers);
#pragma unroll
    for (int j = 0; j < width; ++j) squares += numbers[j] * numbers[j];
  }
  if constexpr (threads_per_row == warp_threads) {
    squares = sum_over_warp(squares);
  } else {
    squares = sum_over_block<block_threads>(squares);
  }
  const float scale = 1.0f / sqrtf(squares / static_cast<float>(cols) + eps);
  for (int64_t i = first; i < cols; i += step) {
    float numbers[width];
    float factors[width];
    load_numbers<width>(from + i, numbers);
    load_numbers<width>(weight + i, factors);
#pragma unroll
    for (int j = 0; j < width; ++j) numbers[j] = numbers[j] * scale * factors[j];
    store_numbers<width>(out + row * out_stride + i, numbers);
  }
}

template <int width>
int32_t start(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& weight, float eps,
              const AmalgamArray& out, AmalgamFailure* failure) {
  const bool narrow = x.cols <= narrow_cols;
  const auto kernel = narrow ? rms_norm_kernel<width, warp_threads> : rms_norm_kernel<width, block_threads>;
  const int64_t rows_per_block = narrow ? block_threads / warp_threads : 1;
  const auto blocks = static_cast<unsigned>((x.rows + rows_per_block - 1) / rows_per_block);
  return launch(context, kernel, dim3(blocks), block_threads, 0, failure, bf16_data(x), x.stride, bf16_data(weight), eps,
                bf16_data(out), out.stride, x.rows, x.cols);
}

}  // namespace

int32_t cuda_rms_norm(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray out,
                      AmalgamFailure* failure) {
  if (in_eights(x) && in_eights(out) && reinterpret_cast<uintptr_t>(weight.data) % 16 == 0) {
    return start<8>(context, x, weight, eps, out, failure);
  }
  return start<1>(context, x, weight, eps, out, failure);
}
