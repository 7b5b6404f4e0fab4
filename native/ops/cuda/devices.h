// What this machine can compute on.
#pragma once

#include "core/json.h"

namespace amalgam::ops {

/// { cpu: { name, threads, instructions }, cuda: { available, reason, devices: [{ name, totalBytes, freeBytes,
/// computeCapability }] }, build: { version, compiler, cudaCompiled, id } }. The reason says why no card can be used, or where one
/// can, that cuBLAS is missing; else it is empty. Never throws for want of a graphics card.
core::Json describe_devices();

}  // namespace amalgam::ops
