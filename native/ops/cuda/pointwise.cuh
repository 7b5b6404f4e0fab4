// Grids for operators that make each number from those at its place: a thread has `width` columns of many rows.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

constexpr unsigned pointwise_threads = 256;

/// x: groups of `width` columns; y: rows, which the kernels take in strides when there are more than a grid has.
inline dim3 pointwise_grid(int64_t rows, int64_t cols, int width) {
  constexpr int64_t most_grid_rows = 65535;
  const int64_t groups = (cols + width - 1) / width;
  return dim3(static_cast<unsigned>((groups + pointwise_threads - 1) / pointwise_threads),
              static_cast<unsigned>(rows < most_grid_rows ? rows : most_grid_rows));
}

/// The first of the thread's columns.
template <int width>
__device__ inline int64_t own_column() {
  return (static_cast<int64_t>(blockIdx.x) * pointwise_threads + threadIdx.x) * width;
}
