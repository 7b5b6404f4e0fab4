#include "ops/cuda/gram.cuh"

#include "ops/cuda/cuda_check.h"
#include "ops/cuda/launch.cuh"

namespace {

constexpr int tile = 16;  // a block makes tile x tile elements of G, one per thread

// A: rows x cols. G: rows x rows. The block (x, y) reads the rows of its two tiles side by side, `tile` columns at a
// time.
__global__ void gram_kernel(int64_t rows, int64_t cols, const float* a, double* g) {
  __shared__ float left[tile][tile + 1];  // one more column, so that reading down a column meets no bank twice
  __shared__ float right[tile][tile + 1];
  const int64_t row = static_cast<int64_t>(blockIdx.y) * tile + threadIdx.y;
  const int64_t col = static_cast<int64_t>(blockIdx.x) * tile + threadIdx.x;
  const int64_t right_row = static_cast<int64_t>(blockIdx.x) * tile + threadIdx.y;
  double sum = 0.0;
  for (int64_t first = 0; first < cols; first += tile) {
    const int64_t k = first + threadIdx.x;
    left[threadIdx.y][threadIdx.x] = row < rows && k < cols ? a[row * cols + k] : 0.0f;
    right[threadIdx.y][threadIdx.x] = right_row < rows && k < cols ? a[right_row * cols + k] : 0.0f;
    __syncthreads();
    for (int i = 0; i < tile; ++i) {
      // The product of two floats is exact in double, so that fusing it with the sum changes nothing.
      sum += static_cast<double>(left[threadIdx.y][i]) * static_cast<double>(right[threadIdx.x][i]);
    }
    __syncthreads();
  }
  if (row < rows && col < rows) g[row * rows + col] = sum;
}

}  // namespace

int32_t cuda_gram_f64(int32_t device, int64_t rows, int64_t cols, const float* device_a, double* device_g,
                      AmalgamFailure* failure) {
  if (rows <= 0) return 0;
  CUDA_TRY(cudaSetDevice(device));
  const auto blocks = static_cast<unsigned>((rows + tile - 1) / tile);
  const int32_t status = launch_on(nullptr, gram_kernel, dim3(blocks, blocks), dim3(tile, tile), 0, failure, rows, cols,
                                   device_a, device_g);
  if (status != 0) return status;
  CUDA_TRY(cudaDeviceSynchronize());
  return 0;
}
