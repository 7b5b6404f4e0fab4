// Numbers left out at random and the others scaled up; which, is a function of the key and the place: ops/dropout_mask.h.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/pointwise.cuh"
#include "ops/dropout_mask.h"

namespace {

constexpr int width = 8;  // columns of a thread: two calls of Philox

struct Dropout {
  const Bf16* x;
  Bf16* out;
  int64_t x_stride, out_stride;
  int64_t rows, cols;
  uint64_t key;
  uint32_t threshold;
  float scale;
  bool accumulate;
};

/// numbers[i], of column col + i: scaled or 0.
__device__ void leave_out(const Dropout& dropout, int64_t row, int64_t col, float (&numbers)[width]) {
#pragma unroll
  for (int i = 0; i < width; i += 4) {
    const amalgam::core::PhiloxWords random = amalgam::ops::dropout_words(
        dropout.key, static_cast<uint32_t>(row), static_cast<uint32_t>((col + i) / 4));
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      numbers[i + j] = random.word[j] >= dropout.threshold ? numbers[i + j] * dropout.scale : 0.0f;
    }
  }
}

__device__ void add_old(const Dropout& dropout, const float (&old)[width], float (&numbers)[width]) {
  if (!dropout.accumulate) return;
#pragma unroll
  for (int i = 0; i < width; ++i) numbers[i] += old[i];
}

template <bool by_eights>
__global__ void dropout_kernel(Dropout dropout) {
  const int64_t col = own_column<width>();
  if (col >= dropout.cols) return;
  const int64_t left = dropout.cols - col;
  for (int64_t row = blockIdx.y; row < dropout.rows; row += gridDim.y) {
    const Bf16* const x = dropout.x + row * dropout.x_stride + col;
    Bf16* const out = dropout.out + row * dropout.out_stride + col;
    float numbers[width] = {};
    float old[width] = {};
    if constexpr (by_eights) {
      load_numbers<width>(x, numbers);
      if (dropout.accumulate) load_numbers<width>(out, old);
      leave_out(dropout, row, col, numbers);
      add_old(dropout, old, numbers);
      store_numbers<width>(out, numbers);
    } else {
      for (int i = 0; i < width && i < left; ++i) {
        numbers[i] = __bfloat162float(x[i]);
        old[i] = dropout.accumulate ? __bfloat162float(out[i]) : 0.0f;
      }
      leave_out(dropout, row, col, numbers);
      add_old(dropout, old, numbers);
      for (int i = 0; i < width && i < left; ++i) out[i] = __float2bfloat16_rn(numbers[i]);
    }
  }
}

}  // namespace

int32_t cuda_dropout(AmalgamContext* context, AmalgamArray x, float rate, uint64_t key, AmalgamArray out,
                     int32_t accumulate, AmalgamFailure* failure) {
  const Dropout dropout{bf16_data(x),
                        bf16_data(out),
                        x.stride,
                        out.stride,
                        x.rows,
                        x.cols,
                        key,
                        amalgam::ops::dropout_threshold(rate),
                        amalgam::ops::dropout_scale(rate),
                        accumulate != 0};
  const auto kernel = in_eights(x) && in_eights(out) ? dropout_kernel<true> : dropout_kernel<false>;
  return launch(context, kernel, pointwise_grid(x.rows, x.cols, width), pointwise_threads, 0, failure, dropout);
}
