#include "ops/cuda/few_rows.cuh"

#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int64_t most_rows = 4;
constexpr int block_threads = 128;
constexpr int warps = block_threads / warp_threads;

struct Product {
  const Bf16* x;
  const Bf16* w;
  void* out;
  int64_t x_stride, w_stride, out_stride;
  int64_t cols, depth;
  bool out_is_bf16;
  bool accumulate;
};

// A warp makes one column of out: its lanes read a row of w side by side.
template <int rows>
__global__ void few_rows_kernel(Product product) {
  const int64_t col = static_cast<int64_t>(blockIdx.x) * warps + threadIdx.x / warp_threads;
  const int lane = threadIdx.x % warp_threads;
  if (col >= product.cols) return;
  const Bf16* const w = product.w + col * product.w_stride;
  float sums[rows] = {};
#pragma unroll 4
  for (int64_t k = lane * 8; k < product.depth; k += warp_threads * 8) {
    float factors[8];
    load_numbers<8>(w + k, factors);
#pragma unroll
    for (int row = 0; row < rows; ++row) {
      float numbers[8];
      load_numbers<8>(product.x + row * product.x_stride + k, numbers);
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[row] = fmaf(numbers[i], factors[i], sums[row]);
    }
  }
#pragma unroll
  for (int row = 0; row < rows; ++row) {
    const float sum = sum_over_warp(sums[row]);
    if (lane != 0) continue;
    const int64_t place = row * product.out_stride + col;
    if (product.out_is_bf16) {
      Bf16* const to = static_cast<Bf16*>(product.out) + place;
      *to = __float2bfloat16_rn(product.accumulate ? __bfloat162float(*to) + sum : sum);
    } else {
      float* const to = static_cast<float*>(product.out) + place;
      *to = product.accumulate ? *to + sum : sum;
    }
  }
}

}  // namespace

bool is_for_few_rows(const AmalgamArray& x, const AmalgamArray& w) {
  return x.rows <= most_rows && in_eights(x) && in_eights(w);
}

int32_t cuda_multiply_few_rows(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& w,
                               const AmalgamArray& out, bool accumulate, AmalgamFailure* failure) {
  constexpr void (*kernels[most_rows])(Product) = {few_rows_kernel<1>, few_rows_kernel<2>, few_rows_kernel<3>,
                                                   few_rows_kernel<4>};
  const Product product{bf16_data(x), bf16_data(w), out.data, x.stride, w.stride, out.stride, w.rows, x.cols,
                        out.type == AMALGAM_BF16, accumulate};
  const auto blocks = static_cast<unsigned>((w.rows + warps - 1) / warps);
  return launch(context, kernels[x.rows - 1], dim3(blocks), block_threads, 0, failure, product);
}
