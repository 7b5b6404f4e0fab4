// What a merge would give, without writing it.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::merge {

/// Runs `{ "job": ResolvedMergeJob, "maxBytes": n, "threads": n }`: the mathematics of run_merge on all modules when
/// their factors have at most `maxBytes` bytes in the files, else on an even sample of modules over layers and kinds
/// (at least one module). For a method on tiles the sample is also bounded by the work of its updates, and
/// statistics over the job are taken over the sample, so that they are estimates. Returns `{ exact, modulesUsed,
/// modulesTotal, gram, modules: [{ name, norm, discardedEnergy }] }`; `gram` holds the inner products of the adapters'
/// updates, without coefficients, summed over the modules used.
///
/// Throws the reading errors of run_merge.
core::Json run_preview(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::merge
