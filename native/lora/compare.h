// Inner products between the updates of many adapters.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::lora {

/// Runs `{ left: [{ weightsFile, modules: [{ name, a, b, rank, scaling, in, out }] }], right: [...] | null, threads }`:
/// every adapter on the left with every one on the right, or, where `right` is null, the left ones among themselves.
/// Returns `{ gram }` with gram[i][j] = sum over modules of <scaling_i B_i A_i, scaling_j B_j A_j>, where modules are
/// the same when name, in and out are; a module that only one of the two has adds nothing.
///
/// Each inner product is good to 1e-6 of the product of the two norms: products run in float (those of bfloat16 factors
/// without widening them, where the processor can), sums over blocks in double, and everything in double for adapters
/// whose units nearly cancel in a module. The same job gives the same bits on the same processor.
///
/// Every file is read once, module by module, and a module of bfloat16 factors once more where only double is precise
/// enough for one of its sources. A module takes 4 (in + out) R bytes for R stacked units, and 8 R^2. Several are in
/// memory as long as that stays under a gigabyte: some are computed while the others are read. Throws core::Error: the
/// errors of reading safetensors, "tensor-missing", "shape-mismatch", "not-finite", "file-changed", "cancelled".
core::Json run_compare(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::lora
