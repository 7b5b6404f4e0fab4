// Which units of several adapters are computed together while learning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/learn_units.h"

namespace amalgam::model {

/// One adapter's units within a group: those from `first` on.
struct GroupMember {
  std::size_t adapter = 0;
  std::size_t module = 0;
  std::int64_t first = 0;
};

/// Adapters that share one group of a linear layer. Those that are frozen and lose nothing to dropout do; any other one
/// is by itself.
struct UnitGroup {
  std::vector<GroupMember> members;
  std::int64_t rank = 0;  ///< of all of them together
  bool is_shared = false;
};

/// The groups of every linear layer, at layer * linears_per_layer + linear. Throws Error "adapter-other-base".
std::vector<std::vector<UnitGroup>> group_units(const Config& config, std::span<const LearnAdapter> adapters);

}  // namespace amalgam::model
