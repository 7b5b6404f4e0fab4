// Finding and opening libamalgam_cuda.so. Includes nothing of CUDA, and calls nothing of it unless a driver is there.
#pragma once

#include <string>
#include <vector>

#include "ops/backend.h"

namespace amalgam::ops {

/// The CUDA library, or in words why there is none. Once opened it stays in the process: CUDA does not survive
/// unloading.
struct CudaLibrary {
  const AmalgamBackend* backend = nullptr;  ///< nullptr when CUDA cannot be used
  std::string reason;                       ///< empty when it can
  bool compiled = false;                    ///< the library file is there
  int device_count = 0;
};

/// Looks for the NVIDIA driver, then for libamalgam_cuda.so in `folder`, then for a device.
CudaLibrary open_cuda_library(const std::string& folder);

/// The same with the folder of this binary, the addon or a program.
CudaLibrary open_cuda_library();

/// Throws Error "cuda-error" with the failure's words when `status` is not 0.
void check_cuda(int32_t status, const AmalgamFailure& failure);

}  // namespace amalgam::ops
