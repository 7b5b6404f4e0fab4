// Starting kernels. What the tests put in the place of this file runs them on the processor.
#pragma once

#include <cuda_runtime.h>

#include "ops/cuda/context.cuh"
#include "ops/cuda/cuda_check.h"

constexpr size_t small_shared_bytes = size_t{48} << 10;  // more must be asked for, kernel by kernel

/// Starts kernel(arguments...) on a stream of the current device, with `shared_bytes` of dynamic shared memory.
template <typename... Parameters, typename... Arguments>
int32_t launch_on(cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                  AmalgamFailure* failure, Arguments... arguments) {
  if (shared_bytes > small_shared_bytes) {
    CUDA_TRY(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)));
  }
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<Parameters>(arguments)...);
  CUDA_TRY(cudaGetLastError());
  return 0;
}

/// The same on the context's stream, with `threads` threads a block.
template <typename Kernel, typename... Arguments>
int32_t launch(AmalgamContext* context, Kernel* kernel, dim3 grid, unsigned threads, size_t shared_bytes,
               AmalgamFailure* failure, Arguments... arguments) {
  CUDA_TRY(cudaSetDevice(context->device));
  return launch_on(context->stream, kernel, grid, dim3(threads), shared_bytes, failure, arguments...);
}

/// The dynamic shared memory of the running block, aligned to 16 bytes.
__device__ inline unsigned char* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char amalgam_dynamic_shared[];
  return amalgam_dynamic_shared;
}
