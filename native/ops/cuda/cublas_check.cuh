// Every call of cuBLAS goes through CUBLAS_TRY, as those of CUDA go through CUDA_TRY.
#pragma once

#include <cstdio>

#include "ops/backend.h"

inline int32_t cublas_failed(int32_t status, const char* call, const char* file, int line, AmalgamFailure* failure) {
  std::snprintf(failure->message, sizeof failure->message, "cuBLAS status %d in %s, %s:%d", status, call, file, line);
  return AMALGAM_CUBLAS_STATUS + status;
}

#define CUBLAS_TRY(call)                                                                                        \
  do {                                                                                                          \
    const int32_t cublas_status_ = (call);                                                                      \
    if (cublas_status_ != 0) return cublas_failed(cublas_status_, #call, __FILE_NAME__, __LINE__, failure);     \
  } while (0)
