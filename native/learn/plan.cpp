#include "learn/plan.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/shown_bytes.h"
#include "learn/factor_optimiser.h"

namespace amalgam::learn {

namespace {

using model::Keep;

/// AdamW's moments on the device, and there where that is main memory the factors of the best step.
std::size_t optimiser_bytes(const ops::Device& device, const std::vector<AdapterRequest>& adapters) {
  const std::size_t kept = device.name() == "cpu" ? sizeof(float) : 0;
  std::int64_t entries = 0;
  for (const AdapterRequest& adapter : adapters) {
    for (const model::ModuleRequest& module : adapter.modules) {
      if (adapter.trains_a) entries += module.rank * module.in;
      if (adapter.trains_b) entries += module.rank * module.out;
    }
  }
  return static_cast<std::size_t>(entries) * (FactorOptimiser::bytes_per_entry(device) + kept);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) text += (i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

}  // namespace

core::Json Estimate::to_json() const {
  return core::Json::object({{"weights", weights},
                             {"units", units},
                             {"activations", activations},
                             {"optimiser", optimiser},
                             {"total", total()},
                             {"free", free}});
}

std::int64_t most_pass_tokens(const PassRequest& request, std::int64_t longest) {
  return std::max(longest, std::min(request.pass_tokens, request.pass_examples * longest));
}

Plan make_plan(const ops::Device& device, const model::CheckpointFacts& facts, const PassRequest& request,
               Recompute recompute, std::int64_t most_tokens, std::int64_t longest) {
  const std::vector<model::LearnAdapter> adapters = learn_adapters(request.adapters);
  const std::uint64_t free = device.memory().free_bytes;
  const std::uint64_t budget = request.memory_bytes > 0 ? std::min(request.memory_bytes, free) : free;
  const auto activations = [&](std::int64_t tokens, Keep keep) {
    return model::LearnPass::planned_bytes(device, facts.config, adapters, tokens, keep);
  };
  Plan plan{recompute == Recompute::always ? Keep::layer_inputs : Keep::activations,
            {.weights = model::Model::planned_weight_bytes(device, facts),
             .units = model::LearnUnits::planned_bytes(device, adapters),
             .activations = 0,
             .optimiser = optimiser_bytes(device, request.adapters),
             .free = free}};
  Estimate& estimate = plan.estimate;
  estimate.activations = activations(most_tokens, plan.keep);
  if (estimate.total() > budget && recompute == Recompute::automatic) {
    plan.keep = Keep::layer_inputs;
    estimate.activations = activations(most_tokens, plan.keep);
  }
  if (estimate.total() <= budget) return plan;

  std::vector<std::string> words;
  const std::size_t fixed = estimate.total() - estimate.activations;
  if (request.memory_bytes > 0 && estimate.total() <= free) words.emplace_back("a higher limit of memory");
  if (plan.keep == Keep::activations && fixed + activations(most_tokens, Keep::layer_inputs) <= budget) {
    words.emplace_back("computing activations again (recompute)");
  }
  if (most_tokens > longest) words.emplace_back("smaller passes");
  if (estimate.weights <= budget) words.emplace_back("shorter examples");
  if (estimate.optimiser > 0) words.emplace_back("a lower rank");
  if (estimate.optimiser == 0 && estimate.units > 0) words.emplace_back("fewer adapters");
  if (device.stored(facts.type) == core::DType::F32) words.emplace_back("a bf16 checkpoint");
  words.emplace_back(device.name() == "cpu" ? "another device" : "another device, such as the processor");
  throw core::Error("memory-short", "Learning needs " + core::shown_bytes(estimate.total()) + " on " + device.name() +
                                        ", " + core::shown_bytes(budget) + " are " +
                                        (budget < free ? "allowed" : "free") + "; try " + joined(words) + ".");
}

}  // namespace amalgam::learn
