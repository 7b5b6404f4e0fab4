// Facts about one adapter's weights file, from reading it once.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::lora {

/// Runs `{ weightsFile, modules: [{ name, a, b, rank, scaling }], threads }`: checks the file's header, reads every
/// tensor in it (also those that no module names), and returns `{ finite, firstNonFinite, norm, modules: [{ name, norm,
/// singularValues, zerosA, zerosB, maxAbsA, stdA, kurtosisA }] }`. `norm` is the Frobenius norm of scaling * B * A and
/// `singularValues` are its singular values, falling, as many as the rank (null above rank 512); both from Gram
/// matrices in double. `kurtosisA` is null where all of A is one number. Figures that a value that is not finite would spoil are
/// null. Tensors of F16, BF16, F32 and F64 are judged (an F64 too large for a float counts as infinite), others only
/// read.
///
/// Throws core::Error: the errors of reading safetensors, "tensor-missing", "shape-mismatch", "file-changed",
/// "cancelled".
core::Json run_inspect(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::lora
