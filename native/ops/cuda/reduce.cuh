// Sums and largest values over the threads of a warp or of a block, always in the same order.
#pragma once

#include <cuda_runtime.h>

constexpr unsigned whole_warp = 0xffffffffu;
constexpr int warp_threads = 32;

/// The sum over the warp, in every lane.
template <typename T>
__device__ inline T sum_over_warp(T value) {
#pragma unroll
  for (int step = warp_threads / 2; step > 0; step /= 2) value += __shfl_xor_sync(whole_warp, value, step);
  return value;
}

/// The sum over a block of `threads`, in every thread.
template <int threads, typename T>
__device__ inline T sum_over_block(T value) {
  constexpr int warps = threads / warp_threads;
  __shared__ T sums[warps];
  value = sum_over_warp(value);
  if (threadIdx.x % warp_threads == 0) sums[threadIdx.x / warp_threads] = value;
  __syncthreads();
  T total = 0;
  for (int warp = 0; warp < warps; ++warp) total += sums[warp];
  __syncthreads();  // before the next use of `sums`
  return total;
}
