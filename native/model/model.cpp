#include "model/model.h"

#include <algorithm>

#include "model/block.h"
#include "model/checkpoint.h"
#include "model/load_weights.h"
#include "model/model_parts.h"

namespace amalgam::model {

Model::Model(ops::Device& device, const std::string& folder, core::Progress& progress,
             const core::CancelToken& cancel) {
  const Checkpoint checkpoint = open_checkpoint(folder);
  parts_.reset(new Parts{device, checkpoint.facts.config, load_weights(device, checkpoint, progress, cancel), {}, {}});
}

Model::Model(ops::Device& device, const Config& config, core::DType type, std::uint64_t seed)
    : parts_(new Parts{device, config, random_weights(device, config, type, seed), {}, {}}) {}

Model::~Model() = default;

const Config& Model::config() const { return parts_->config; }
ops::Device& Model::device() const { return parts_->device; }

ops::Array Model::forward(std::span<const Sequence> batch, KvCache* cache) {
  auto& [device, config, weights, rope, workspace] = *parts_;
  const BatchRows rows = arrange_batch(config, batch, cache);
  const auto tokens = static_cast<std::int64_t>(rows.ids.size());
  const Activations activations = workspace.take(device, config, tokens);
  if (tokens == 0) return activations.normed;
  rope.reserve(device, config, *std::ranges::max_element(rows.positions) + std::int64_t{1});
  device.embed(weights.embedding.view(), rows.ids, activations.residual);
  const BlockContext context{device, config, rows, rope, activations};
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const ops::CacheLayer past = cache == nullptr ? ops::CacheLayer{} : cache->layer(i);
    run_block(context, i, weights.layers[static_cast<std::size_t>(i)], past);
  }
  device.rms_norm(activations.residual, weights.norm.view(), static_cast<float>(config.rms_eps), activations.normed);
  return activations.normed;
}

ops::Array Model::head() const {
  const Weights& weights = parts_->weights;
  return weights.head.view().rows > 0 ? weights.head.view() : weights.embedding.view();
}

std::size_t Model::planned_weight_bytes(const ops::Device& device, const CheckpointFacts& facts) {
  std::size_t bytes = 0;
  for (const TypeCount& count : facts.elements) bytes += ops::array_bytes(device.stored(count.type), 1, count.elements);
  return bytes;
}

std::size_t Model::planned_activation_bytes(const ops::Device& device, const Config& config, std::int64_t tokens,
                                            std::int64_t positions) {
  return Workspace::planned_bytes(device, config, tokens) +
         RopeTables::planned_bytes(config, std::max(tokens, positions));
}

}  // namespace amalgam::model
