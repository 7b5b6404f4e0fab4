// Stands in for native/ops/cuda/launch.cuh: runs kernels at once, on the processor.
#pragma once

#include <cuda_runtime.h>

#include "ops/cuda/context.cuh"
#include "ops/cuda/cuda_check.h"

template <typename... Parameters, typename... Arguments>
int32_t launch_on(cudaStream_t, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                  AmalgamFailure*, Arguments... arguments) {
  emulator::run_grid(grid, block, shared_bytes, [=] { kernel(static_cast<Parameters>(arguments)...); });
  return 0;
}

template <typename Kernel, typename... Arguments>
int32_t launch(AmalgamContext* context, Kernel* kernel, dim3 grid, unsigned threads, size_t shared_bytes,
               AmalgamFailure* failure, Arguments... arguments) {
  return launch_on(context->stream, kernel, grid, dim3(threads), shared_bytes, failure, arguments...);
}

inline unsigned char* dynamic_shared() { return emulator::shared_memory(); }
