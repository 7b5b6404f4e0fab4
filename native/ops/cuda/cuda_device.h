// A graphics card as a device of the engine, over the table of ops/backend.h. Includes nothing of CUDA.
#pragma once

#include <memory>

#include "core/cancel.h"
#include "ops/backend.h"
#include "ops/device.h"

namespace amalgam::ops {

/// The card "cuda:<index>". Throws Error "device-unknown" saying in words why there is none, "cuda-error" when it does not
/// start. `cancel` must outlive the device.
std::unique_ptr<Device> open_cuda_device(int index, const core::CancelToken& cancel);

/// The same over a given table, with cuBLAS or, where that is null, the matrix products of our own. Both must outlive the
/// device. A cuBLAS that fails a small product is not used.
std::unique_ptr<Device> open_cuda_device(const AmalgamBackend& backend, const AmalgamCublas* cublas, int index,
                                         const core::CancelToken& cancel);

}  // namespace amalgam::ops
