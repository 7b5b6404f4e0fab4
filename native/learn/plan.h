// Whether learning fits into the memory of a device, and how.
#pragma once

#include <cstdint>
#include <string>

#include "core/json.h"
#include "learn/request.h"
#include "model/learn_pass.h"
#include "model/model.h"
#include "ops/device.h"

namespace amalgam::learn {

/// Bytes of each part.
struct Estimate {
  std::size_t weights = 0;
  std::size_t units = 0;
  std::size_t activations = 0;
  std::size_t optimiser = 0;
  std::uint64_t free = 0;

  std::size_t total() const { return weights + units + activations + optimiser; }
  core::Json to_json() const;
};

struct Plan {
  model::Keep keep = model::Keep::activations;
  Estimate estimate;
};

/// Passes of up to `most_tokens` tokens; the longest sequence has `longest`. Throws Error "memory-short" with what to
/// try.
Plan make_plan(const ops::Device& device, const model::CheckpointFacts& facts, const PassRequest& request,
               Recompute recompute, std::int64_t most_tokens, std::int64_t longest);

/// Most tokens of a pass over examples of which the longest has `longest`.
std::int64_t most_pass_tokens(const PassRequest& request, std::int64_t longest);

}  // namespace amalgam::learn
