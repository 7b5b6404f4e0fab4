// Writing the units of a module as the factors of an adapter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/safetensors.h"
#include "lora/rank_units.h"
#include "merge/request.h"

namespace amalgam::merge {

/// The two tensors of every module, all of the output's rank.
std::vector<core::TensorPlan> plan_output(const MergeRequest& request);

/// Writes A (output_rank x in) and B (out x output_rank) with B A = sum_u c[u] b_u a_u: sqrt|c| goes into each side and
/// the sign into A, so that the adapter's own scaling is 1. Missing units become rows and columns of zeros. Throws
/// Error "request-invalid" when there are more units than output_rank, "not-finite", "disk-full", "write-failed",
/// "cancelled".
void write_units(core::SafetensorsWriter& writer, const ModuleRequest& module, std::int64_t output_rank,
                 const lora::RankUnits& units, const core::CancelToken& cancel);

}  // namespace amalgam::merge
