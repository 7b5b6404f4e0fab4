// The merge job: many adapters in, one file of merged factors out.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::merge {

/// Runs `{ "job": ResolvedMergeJob, "outFile": path, "threads": n }`: per module load, combine, factor, write, in
/// bounded memory. The file is complete and on the disk when this returns, and removed again when it throws. Returns
/// `{ rank, bytesRead, bytesWritten, seconds, peakBytes, modules: [{ name, rank, norm, discardedEnergy }] }`.
///
/// Throws core::Error: "request-invalid", "unknown-method", "parameter-invalid", the errors of reading and writing
/// safetensors, "tensor-missing", "shape-mismatch", "not-finite" (naming the tensor), "file-changed", "cancelled".
core::Json run_merge(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::merge
