#include "model/learn_groups.h"

#include <algorithm>

#include "core/error.h"

namespace amalgam::model {

namespace {

using core::Error;

ModulePlace place_of(const Config& config, const LearnAdapter& adapter, const LearnModule& module) {
  try {
    return find_module(config, module.name, module.in, module.out);
  } catch (const Error& error) {
    throw Error(error.code, "The adapter " + adapter.name + " is of another base model: " + error.what())
        .at_tensor(module.name)
        .with_hint("Use the adapter with the base model that it was trained on.");
  }
}

bool may_share(const LearnAdapter& adapter) {
  return !adapter.trains_a && !adapter.trains_b && adapter.dropout == 0;
}

}  // namespace

std::vector<std::vector<UnitGroup>> group_units(const Config& config, std::span<const LearnAdapter> adapters) {
  std::vector<std::vector<UnitGroup>> places(static_cast<std::size_t>(config.layers * linears_per_layer));
  for (std::size_t a = 0; a < adapters.size(); ++a) {
    for (std::size_t m = 0; m < adapters[a].modules.size(); ++m) {
      const LearnModule& module = adapters[a].modules[m];
      const ModulePlace place = place_of(config, adapters[a], module);
      std::vector<UnitGroup>& groups =
          places[static_cast<std::size_t>(place.layer * linears_per_layer) + static_cast<std::size_t>(place.linear)];
      const bool shared = may_share(adapters[a]);
      auto group = shared ? std::ranges::find(groups, true, &UnitGroup::is_shared) : groups.end();
      if (group == groups.end()) {
        groups.push_back({.members = {}, .rank = 0, .is_shared = shared});
        group = groups.end() - 1;
      }
      group->members.push_back({a, m, group->rank});
      group->rank += module.rank;
    }
  }
  return places;
}

}  // namespace amalgam::model
