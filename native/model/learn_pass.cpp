#include "model/learn_pass.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "model/block.h"
#include "model/block_back.h"
#include "model/learn_memory.h"
#include "model/model_parts.h"

namespace amalgam::model {

namespace {

using ops::Array;

constexpr std::int64_t no_depth = std::numeric_limits<std::int64_t>::max();

/// depth_of the deepest linear layer whose units want a gradient, no_depth where none does.
std::int64_t deepest_gradient(const Config& config, const LearnUnits& units) {
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (int l = 0; l < linears_per_layer; ++l) {
      const auto linear = static_cast<Linear>(l);
      for (const LearnUnits::Group& group : units.groups(layer, linear)) {
        const bool wants_factors = group.d_a.data != nullptr || group.d_b.data != nullptr;
        if (!group.is_idle && (wants_factors || group.d_c.data != nullptr)) return depth_of(layer, linear);
      }
    }
  }
  return no_depth;
}

BatchRows arrange(const Config& config, std::span<const LearnSequence> batch) {
  std::vector<Sequence> sequences;
  for (const LearnSequence& sequence : batch) {
    const std::size_t count = sequence.tokens.size();
    if (sequence.targets.size() != count || sequence.weights.size() != count) {
      throw std::logic_error("LearnPass: one target and one weight per token");
    }
    sequences.push_back({.tokens = sequence.tokens});
  }
  return arrange_batch(config, sequences, nullptr);
}

}  // namespace

struct LearnPass::Parts {
  Model::Parts& model;
  LearnUnits& units;
  Keep keep;
  UnitShapes shapes;
  ops::DeviceBuffer memory;

  /// Arrays for that many tokens, of any value. What an earlier call returned is no longer valid.
  LearnArrays take(std::int64_t tokens, std::optional<Keep> kept) {
    LearnArrays arrays;
    const std::size_t bytes = lay_out(nullptr, model.device, model.config, shapes, tokens, kept, arrays);
    if (bytes > memory.bytes()) {
      memory = {};  // before the new one is asked for, or both would have to fit
      memory = ops::DeviceBuffer(model.device, bytes);
    }
    lay_out(memory.data(), model.device, model.config, shapes, tokens, kept, arrays);
    return arrays;
  }

  std::vector<double> run(std::span<const LearnSequence> batch, ops::TokenObjective objective, bool learns);
  void back(const LearnContext& context);
};

std::vector<double> LearnPass::Parts::run(std::span<const LearnSequence> batch, ops::TokenObjective objective,
                                          bool learns) {
  auto& [device, config, weights, rope, workspace] = model;
  const BatchRows rows = arrange(config, batch);
  if (rows.ids.empty()) return {};
  units.begin_pass();
  rope.reserve(device, config, *std::ranges::max_element(rows.positions) + std::int64_t{1});
  const std::int64_t deepest = learns ? deepest_gradient(config, units) : no_depth;
  const bool goes_back = deepest != no_depth;
  const LearnArrays arrays =
      take(static_cast<std::int64_t>(rows.ids.size()), learns ? std::optional(keep) : std::nullopt);
  const LearnContext context{device, config, weights, rope, units, batch, rows, arrays, learns, deepest};

  device.embed(weights.embedding.view(), rows.ids, arrays.residuals.front());
  for (std::int64_t i = 0; i < config.layers; ++i) run_learning_block(context, i);
  device.rms_norm(arrays.residuals.back(), weights.norm.view(), static_cast<float>(config.rms_eps), arrays.normed);

  std::vector<std::int32_t> targets;
  std::vector<float> token_weights;
  for (const LearnSequence& sequence : batch) {
    targets.insert(targets.end(), sequence.targets.begin(), sequence.targets.end());
    token_weights.insert(token_weights.end(), sequence.weights.begin(), sequence.weights.end());
  }
  std::vector<double> values(rows.ids.size());
  const Array head = weights.head.view().rows > 0 ? weights.head.view() : weights.embedding.view();
  device.token_loss(objective, arrays.normed, head, targets, token_weights, values,
                    goes_back ? arrays.d_normed : Array{});
  if (goes_back) back(context);
  return values;
}

void LearnPass::Parts::back(const LearnContext& context) {
  const auto& [device, config, weights, rope, workspace] = model;
  const LearnArrays& arrays = context.arrays;
  const Array& d_residual = arrays.d_residual;
  device.fill_zero(d_residual.data, ops::array_bytes(d_residual.type, d_residual.rows, d_residual.cols));
  device.rms_norm_back(arrays.residuals.back(), weights.norm.view(), static_cast<float>(config.rms_eps),
                       arrays.d_normed, d_residual);
  for (std::int64_t i = config.layers - 1; i >= 0 && depth_of(i, Linear::down) >= context.deepest; --i) {
    const bool is_traced = keep == Keep::activations || i == config.layers - 1;
    if (!is_traced) retrace_block(context, i);
    back_block(context, i);
  }
}

LearnPass::LearnPass(Model& model, LearnUnits& units, Keep keep)
    : parts_(new Parts{*model.parts_, units, keep, unit_shapes(model.config(), units.adapters()), {}}) {}

LearnPass::~LearnPass() = default;

std::vector<double> LearnPass::learn(std::span<const LearnSequence> batch, ops::TokenObjective objective) {
  return parts_->run(batch, objective, true);
}

std::vector<double> LearnPass::measure(std::span<const LearnSequence> batch, ops::TokenObjective objective) {
  return parts_->run(batch, objective, false);
}

std::size_t LearnPass::planned_bytes(const ops::Device& device, const Config& config,
                                     std::span<const LearnAdapter> adapters, std::int64_t tokens, Keep keep) {
  LearnArrays unused;
  return lay_out(nullptr, device, config, unit_shapes(config, adapters), tokens, keep, unused) +
         RopeTables::planned_bytes(config, tokens);
}

}  // namespace amalgam::model
