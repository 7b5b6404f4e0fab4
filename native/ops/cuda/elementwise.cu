#include "ops/cuda/elementwise.cuh"

#include "ops/cuda/cuda_check.h"
#include "ops/cuda/launch.cuh"

namespace {

constexpr int block_threads = 256;
constexpr int64_t most_blocks = 65535;  // the loops below take larger arrays in strides

unsigned blocks_for(int64_t count) {
  const int64_t blocks = (count + block_threads - 1) / block_threads;
  return static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks);
}

__global__ void scale_kernel(int64_t count, float alpha, float* x) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) x[i] *= alpha;
}

// Two roundings, as on the CPU, which does not fuse the product and the sum.
__global__ void axpy_kernel(int64_t count, float alpha, const float* x, float* y) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    y[i] = __fadd_rn(y[i], __fmul_rn(alpha, x[i]));
  }
}

}  // namespace

int32_t cuda_scale(int32_t device, int64_t count, float alpha, float* device_x, AmalgamFailure* failure) {
  if (count <= 0) return 0;
  CUDA_TRY(cudaSetDevice(device));
  const int32_t status =
      launch_on(nullptr, scale_kernel, blocks_for(count), block_threads, 0, failure, count, alpha, device_x);
  if (status != 0) return status;
  CUDA_TRY(cudaDeviceSynchronize());
  return 0;
}

int32_t cuda_axpy(int32_t device, int64_t count, float alpha, const float* device_x, float* device_y,
                  AmalgamFailure* failure) {
  if (count <= 0) return 0;
  CUDA_TRY(cudaSetDevice(device));
  const int32_t status =
      launch_on(nullptr, axpy_kernel, blocks_for(count), block_threads, 0, failure, count, alpha, device_x, device_y);
  if (status != 0) return status;
  CUDA_TRY(cudaDeviceSynchronize());
  return 0;
}
