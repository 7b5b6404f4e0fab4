// Every call of CUDA goes through CUDA_TRY, which leaves the function with a filled AmalgamFailure when the call
// failed.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>

#include "ops/backend.h"

inline int32_t cuda_failed(cudaError_t error, const char* call, const char* file, int line, AmalgamFailure* failure) {
  std::snprintf(failure->message, sizeof failure->message, "%s (%s) in %s, %s:%d", cudaGetErrorString(error),
                cudaGetErrorName(error), call, file, line);
  return static_cast<int32_t>(error);
}

#define CUDA_TRY(call)                                                                                        \
  do {                                                                                                        \
    const cudaError_t cuda_error_ = (call);                                                                   \
    if (cuda_error_ != cudaSuccess) return cuda_failed(cuda_error_, #call, __FILE_NAME__, __LINE__, failure); \
  } while (0)
