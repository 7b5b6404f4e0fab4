// With s = 1 / sqrt(mean x^2 + eps) and h = weight . d_out: d_x += s h - s^3 x mean(x . h).
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 256;
constexpr int64_t narrow_cols = 1024;  // rows up to here take a warp each, longer ones a block

struct BackRows {
  const Bf16* x;
  const Bf16* weight;
  const Bf16* d_out;
  Bf16* d_x;
  int64_t x_stride, d_out_stride, d_x_stride;
  int64_t rows, cols;
  float eps;
};

// `threads_per_row` is a warp or the whole block. A thread reads its numbers twice, the second time from the cache.
template <int width, int threads_per_row>
__global__ void rms_norm_back_kernel(BackRows norm) {
  constexpr int rows_per_block = block_threads / threads_per_row;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / threads_per_row;
  const int64_t first = static_cast<int64_t>(threadIdx.x % threads_per_row) * width;
  constexpr int64_t step = static_cast<int64_t>(threads_per_row) * width;
  if (row >= norm.rows) return;  // a whole warp, or with a block per row none
  const Bf16* const x = norm.x + row * norm.x_stride;
  const Bf16* const d_out = norm.d_out + row * norm.d_out_stride;
  Bf16* const d_x = norm.d_x + row * norm.d_x_stride;
  float squares = 0.0f;
  float products = 0.0f;
  for (int64_t i = first; i < norm.cols; i += step) {
    float numbers[width];
    float factors[width];
    float gradients[width];
    load_numbers<width>(x + i, numbers);
    load_numbers<width>(norm.weight + i, factors);
    load_numbers<width>(d_out + i, gradients);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      squares += numbers[j] * numbers[j];
      products += numbers[j] * factors[j] * gradients[j];
    }
  }
  if constexpr (threads_per_row == warp_threads) {
    squares = sum_over_warp(squares);
    products = sum_over_warp(products);
  } else {
    squares = sum_over_block<block_threads>(squares);
    products = sum_over_block<block_threads>(products);
  }
  const auto cols = static_cast<float>(norm.cols);
  const float scale = 1.0f / sqrtf(squares / cols + norm.eps);
  const float share = scale * scale * (products / cols);
  for (int64_t i = first; i < norm.cols; i += step) {
    float numbers[width];
    float factors[width];
    float gradients[width];
    float sums[width];
    load_numbers<width>(x + i, numbers);
    load_numbers<width>(norm.weight + i, factors);
    load_numbers<width>(d_out + i, gradients);
    load_numbers<width>(d_x + i, sums);
#pragma unroll
    for (int j = 0; j < width; ++j) sums[j] += scale * (factors[j] * gradients[j] - numbers[j] * share);
    store_numbers<width>(d_x + i, sums);
  }
}

template <int width>
int32_t start(AmalgamContext* context, const BackRows& norm, AmalgamFailure* failure) {
  const bool narrow = norm.cols <= narrow_cols;
  const auto kernel = narrow ? rms_norm_back_kernel<width, warp_threads> : rms_norm_back_kernel<width, block_threads>;
  const int64_t rows_per_block = narrow ? block_threads / warp_threads : 1;
  const auto blocks = static_cast<unsigned>((norm.rows + rows_per_block - 1) / rows_per_block);
  return launch(context, kernel, dim3(blocks), block_threads, 0, failure, norm);
}

}  // namespace

int32_t cuda_rms_norm_back(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray d_out,
                           AmalgamArray d_x, AmalgamFailure* failure) {
  const BackRows norm{bf16_data(x), bf16_data(weight), bf16_data(d_out), bf16_data(d_x), x.stride,
                      d_out.stride, d_x.stride,        x.rows,           x.cols,         eps};
  const bool by_eights = in_eights(x) && in_eights(d_out) && in_eights(d_x) &&
                         reinterpret_cast<uintptr_t>(weight.data) % 16 == 0;
  return by_eights ? start<8>(context, norm, failure) : start<1>(context, norm, failure);
}
