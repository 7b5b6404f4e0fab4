// One layer of a decoder: attention and gated MLP, each around a residual (Touvron et al. 2023).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/model.h"
#include "model/rope_tables.h"
#include "model/weights.h"
#include "model/workspace.h"
#include "ops/device.h"

namespace amalgam::model {

/// Neighbouring rows of a batch that use the same units.
struct UnitRows {
  const UnitStack* units;
  std::int64_t first;
  std::int64_t rows;
};

/// What the layers need to know of a batch.
struct BatchRows {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> sets;
  std::vector<UnitRows> units;
  std::vector<ops::SequenceRows> sequences;
  std::vector<ops::SequenceRows> kept;  ///< those of them whose keys and values go into the cache
};

/// Takes a batch apart. Throws std::logic_error for tokens, positions, slots and sets that are not there.
BatchRows arrange_batch(const Config& config, std::span<const Sequence> batch, const KvCache* cache);

/// Everything of a forward pass that stays the same from layer to layer.
struct BlockContext {
  ops::Device& device;
  const Config& config;
  const BatchRows& rows;
  const RopeTables& rope;
  const Activations& activations;
};

/// The rows of every head below each other, so that heads can be normalised like rows. `x` has no gaps.
ops::Array by_heads(const ops::Array& x, std::int64_t head_dim);

/// activations.residual += what layer `index` makes of it. `cache` has no data where nothing is kept or past.
void run_block(const BlockContext& context, std::int64_t index, const LayerWeights& weights,
               const ops::CacheLayer& cache);

}  // namespace amalgam::model
