#include "eval/plan.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/shown_bytes.h"

namespace amalgam::eval {

namespace {

/// What to do about too little memory: first what costs least.
std::string advice(const Estimate& least, const Wishes& wishes, std::uint64_t budget) {
  std::vector<std::string> words;
  if (wishes.most_bytes > 0 && least.total() <= wishes.free_bytes) words.emplace_back("a higher limit of memory");
  if (least.weights + least.units <= budget) words.emplace_back("shorter prompts and answers");
  if (least.units > 0 && least.weights + least.cache + least.activations <= budget) {
    words.emplace_back("fewer adapters in one subject");
  }
  if (wishes.could_be_bf16 && least.total() - least.weights / 2 <= budget) words.emplace_back("a bf16 checkpoint");
  if (least.weights > budget) words.emplace_back("a smaller base model");
  words.emplace_back(wishes.device == "cpu" ? "another device" : "another device, such as the processor");
  std::string text = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) text += (i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

}  // namespace

core::Json Estimate::to_json() const {
  return core::Json::object({{"weights", weights},
                             {"units", units},
                             {"cache", cache},
                             {"activations", activations},
                             {"total", total()},
                             {"free", free}});
}

Plan make_plan(const Costs& costs, const Wishes& wishes) {
  const std::uint64_t budget =
      wishes.most_bytes > 0 ? std::min(wishes.most_bytes, wishes.free_bytes) : wishes.free_bytes;
  const std::size_t all_stacks = std::accumulate(costs.stacks.begin(), costs.stacks.end(), std::size_t{0});
  const std::size_t largest_stack = costs.stacks.empty() ? 0 : std::ranges::max(costs.stacks);
  const std::int64_t least_slots = std::min<std::int64_t>(1, wishes.slots);

  Plan plan{.batch_tokens = std::max(wishes.batch_tokens, wishes.least_batch_tokens),
            .slots = wishes.slots,
            .unit_bytes = 0,
            .estimate = {}};
  Estimate& estimate = plan.estimate;
  const auto reckon = [&] {
    estimate = {.weights = costs.weights,
                .units = largest_stack,
                .cache = plan.slots > 0 ? costs.cache(plan.slots) : 0,
                .activations = costs.activations(plan.batch_tokens),
                .free = wishes.free_bytes};
  };
  for (reckon(); estimate.total() > budget; reckon()) {
    const bool fewer_slots = plan.slots > least_slots;
    const bool fewer_tokens = plan.batch_tokens > wishes.least_batch_tokens;
    if (fewer_slots && (!fewer_tokens || estimate.cache >= estimate.activations)) {
      plan.slots = std::max(least_slots, plan.slots / 2);
    } else if (fewer_tokens) {
      plan.batch_tokens = std::max(wishes.least_batch_tokens, plan.batch_tokens / 2);
    } else {
      throw core::Error("memory-short", "The evaluation needs " + core::shown_bytes(estimate.total()) + " on " +
                                            wishes.device + ", " + core::shown_bytes(budget) + " are " +
                                            (budget < wishes.free_bytes ? "allowed" : "free") + "; try " +
                                            advice(estimate, wishes, budget) + ".");
    }
  }
  plan.unit_bytes = std::min(all_stacks, static_cast<std::size_t>(budget) - (estimate.total() - estimate.units));
  estimate.units = plan.unit_bytes;
  return plan;
}

}  // namespace amalgam::eval
