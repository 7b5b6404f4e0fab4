// The job "logits": all logits of some sequences, for comparing the engine with others. Scoring never makes them all at
// once.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::eval {

/// { "model", "device", "threads", "adapters", "subjects" as in evaluate.h,
///   "sequences": [[ids], ...], "subjectOf": [the subject of each], "outFile": path }
/// -> {}; the new file outFile holds "logits.<i>" (tokens x vocabulary, F32) of sequence i. Throws the errors of the
/// model and of reading adapters, "request-invalid", and "not-finite" naming the subject whose logits are NaN or
/// infinite.
core::Json run_logits(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::eval
