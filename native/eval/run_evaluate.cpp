#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "eval/evaluate.h"
#include "eval/scheduler.h"

namespace amalgam::eval {

namespace {

using core::Json;
using Time = std::chrono::steady_clock::time_point;

double seconds_since(Time start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Passes beyond this gain little: the matrix products are long enough.
std::int64_t useful_batch_tokens(const ops::Device& device) { return device.name() == "cpu" ? 512 : 8192; }
std::int64_t useful_slots(const ops::Device& device) { return device.name() == "cpu" ? 64 : 256; }

void check_tokens(const Request& request, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < request.items.size(); ++i) {
    model::check_vocabulary(largest_token(request.items[i]), vocabulary, "items[" + std::to_string(i) + "]");
  }
}

/// What the work needs of passes and cache.
struct Extent {
  std::int64_t longest = 1;     ///< tokens of the longest sequence
  std::int64_t tokens = 0;      ///< of all sequences
  std::int64_t with_slots = 0;  ///< pairs that need a slot
  std::int64_t positions = 0;   ///< the most that one of those takes
};

Extent extent_of(const Request& request, std::int64_t max_positions) {
  Extent extent;
  for (const Pair pair : request.work) {
    const Item& item = request.items[static_cast<std::size_t>(pair.item)];
    if (!fits_positions(item, max_positions)) continue;
    const std::int64_t longest = longest_sequence(item);
    extent.longest = std::max(extent.longest, longest);
    extent.tokens += longest;
    if (!needs_slot(item)) continue;
    ++extent.with_slots;
    extent.positions = std::max(extent.positions, std::min(positions_of(item), max_positions));
  }
  return extent;
}

Plan plan_for(const Request& request, const ops::Device& device, const model::CheckpointFacts& facts,
              const Stacks& stacks, const Extent& extent) {
  const Costs costs{
      .weights = model::Model::planned_weight_bytes(device, facts),
      .stacks = stacks.bytes(),
      .cache =
          [&](std::int64_t slots) {
            return model::KvCache::planned_bytes(device, facts.config, slots, extent.positions);
          },
      .activations =
          [&](std::int64_t tokens) {
            return model::Model::planned_activation_bytes(device, facts.config, tokens,
                                                          std::max(extent.longest, extent.positions)) +
                   Batch::planned_bytes(device, facts.config);
          },
  };
  const std::int64_t wished = request.batch_tokens > 0 ? request.batch_tokens : useful_batch_tokens(device);
  // Sequences leave one by one, so decoding adds a token for each slot to a pass that otherwise reads prompts.
  return make_plan(costs,
                   {.batch_tokens = std::min(wished, std::max(extent.tokens, useful_slots(device))),
                    .least_batch_tokens = extent.longest,
                    .slots = std::min({extent.with_slots, useful_slots(device), std::max(wished, extent.longest)}),
                    .free_bytes = device.memory().free_bytes,
                    .most_bytes = request.memory_bytes,
                    .device = device.name(),
                    .could_be_bf16 = device.stored(facts.type) == core::DType::F32});
}

}  // namespace

Json run_evaluate(const Json& json, core::Progress& progress, const core::CancelToken& cancel) {
  const Time started = std::chrono::steady_clock::now();
  const Request request = read_request(json);
  const model::CheckpointFacts facts = model::read_checkpoint(request.model);
  check_tokens(request, facts.config.vocabulary);
  const auto device = ops::open_device(request.device, request.threads, cancel);
  ops::MemoryMeter memory(*device);
  Stacks stacks(request, facts.config, *device, cancel);
  const Extent extent = extent_of(request, facts.config.max_positions);
  const Plan plan = plan_for(request, *device, facts, stacks, extent);
  stacks.limit(plan.unit_bytes);
  progress.stage("planning", static_cast<std::int64_t>(plan.estimate.free), "bytes");
  progress.advance(static_cast<std::int64_t>(plan.estimate.total()));
  core::Journal journal(request.out_file);

  const Time loading = std::chrono::steady_clock::now();
  model::Model model(*device, request.model, progress, cancel);
  device->wait();
  const double load_seconds = seconds_since(loading);
  memory.sample();
  std::optional<model::KvCache> cache;
  if (plan.slots > 0) cache.emplace(*device, facts.config, plan.slots, extent.positions);

  Scheduler scheduler({request, plan, model, cache ? &*cache : nullptr, stacks, journal, memory, progress, cancel});
  try {
    scheduler.run();
  } catch (core::Error& error) {
    if (error.code == "out-of-memory") error.with_hint("Set a lower limit of memory and go on: what was done is kept.");
    throw;
  }
  memory.sample();
  return Json::object({{"done", scheduler.done()},
                       {"tokens", scheduler.tokens()},
                       {"seconds", seconds_since(started)},
                       {"loadSeconds", load_seconds},
                       {"weightBytes", facts.weight_bytes},
                       {"peakBytes", memory.peak_bytes()},
                       {"estimate", plan.estimate.to_json()}});
}

}  // namespace amalgam::eval
