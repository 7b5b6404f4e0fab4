// How many sequences an evaluation runs at once: as many as the memory holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/json.h"

namespace amalgam::eval {

/// What the parts of an evaluation take, in bytes.
struct Costs {
  std::size_t weights = 0;
  std::vector<std::size_t> stacks;                              ///< every stack of units that the work uses
  std::function<std::size_t(std::int64_t slots)> cache;         ///< of that many slots of the cache
  std::function<std::size_t(std::int64_t tokens)> activations;  ///< of passes of up to that many tokens
};

/// What the work would like, and what it cannot do without.
struct Wishes {
  std::int64_t batch_tokens = 0;        ///< most tokens of a pass
  std::int64_t least_batch_tokens = 0;  ///< of the longest sequence
  std::int64_t slots = 0;               ///< sequences with a past at the same time; 0 when none has one
  std::uint64_t free_bytes = 0;         ///< of the device
  std::uint64_t most_bytes = 0;         ///< the person's limit, 0 for none
  std::string device;
  bool could_be_bf16 = false;  ///< whether a bf16 checkpoint would take half the memory there
};

struct Estimate {
  std::size_t weights = 0;
  std::size_t units = 0;
  std::size_t cache = 0;
  std::size_t activations = 0;
  std::uint64_t free = 0;

  std::size_t total() const { return weights + units + cache + activations; }
  core::Json to_json() const;
};

struct Plan {
  std::int64_t batch_tokens = 0;
  std::int64_t slots = 0;
  std::size_t unit_bytes = 0;  ///< most bytes of stacks on the device at a time
  Estimate estimate;
};

/// Halves the cache and the passes, the larger first, until all fits; stacks of units share what is left. Throws Error
/// "memory-short" with what to try when not even one sequence at a time fits.
Plan make_plan(const Costs& costs, const Wishes& wishes);

}  // namespace amalgam::eval
