#include "model/learn_memory.h"

#include <algorithm>

#include "model/cutter.h"
#include "model/learn_groups.h"
#include "model/weights.h"

namespace amalgam::model {

namespace {

using core::DType;
using ops::Array;

/// Cuts arrays of T rows.
struct RowCutter {
  Cutter cutter;
  std::int64_t tokens;
  Array take(DType type, std::int64_t cols) { return cutter.take(type, tokens, cols); }
};

LayerTrace take_trace(RowCutter& rows, const ops::Device& device, const Config& config, const UnitShapes& units,
                      std::int64_t layer) {
  const DType type = device.activations();
  const std::int64_t q_side = config.heads * config.head_dim;
  const std::int64_t kv_side = config.kv_heads * config.head_dim;
  LayerTrace trace;
  trace.middle = rows.take(type, config.hidden);
  if (config.qk_norm) {
    trace.raw_q = rows.take(type, q_side);
    trace.raw_k = rows.take(type, kv_side);
  }
  trace.q = rows.take(type, q_side);
  trace.k = rows.take(type, kv_side);
  trace.v = rows.take(type, kv_side);
  trace.attended = rows.take(type, q_side);
  trace.gate = rows.take(type, config.intermediate);
  trace.up = rows.take(type, config.intermediate);
  for (std::size_t l = 0; l < linears_per_layer; ++l) {
    for (const std::int64_t rank : units.ranks[static_cast<std::size_t>(layer * linears_per_layer) + l]) {
      trace.inner[l].push_back(rows.take(device.accumulators(), rank));
    }
  }
  return trace;
}

std::int64_t widest_input(const Config& config) {
  return std::max({config.hidden, config.heads * config.head_dim, config.intermediate});
}

void take_shared(RowCutter& rows, const ops::Device& device, const Config& config, const UnitShapes& units,
                 bool for_learning, LearnArrays& out) {
  const DType type = device.activations();
  std::int64_t largest_rank = 0;
  for (const std::vector<std::int64_t>& ranks : units.ranks) {
    for (const std::int64_t rank : ranks) largest_rank = std::max(largest_rank, rank);
  }
  out.normed = rows.take(type, config.hidden);
  out.scaled = rows.take(type, largest_rank);
  if (!for_learning) {
    out.mixed = rows.take(type, config.intermediate);
    return;
  }
  out.v = rows.take(device.accumulators(), largest_rank);
  out.d_residual = rows.take(type, config.hidden);
  out.d_normed = rows.take(type, config.hidden);
  if (units.has_dropout) out.dropped = rows.take(type, widest_input(config));
  const std::size_t shared = rows.cutter.place();
  out.mixed = rows.take(type, config.intermediate);
  out.d_mixed = rows.take(type, config.intermediate);
  rows.cutter.go_to(shared);
  out.d_attended = rows.take(type, config.heads * config.head_dim);
  out.d_q = rows.take(type, config.heads * config.head_dim);
  out.d_k = rows.take(type, config.kv_heads * config.head_dim);
  out.d_v = rows.take(type, config.kv_heads * config.head_dim);
  rows.cutter.go_to(rows.cutter.bytes());  // behind the longer of the two
}

}  // namespace

UnitShapes unit_shapes(const Config& config, std::span<const LearnAdapter> adapters) {
  UnitShapes shapes;
  for (const std::vector<UnitGroup>& groups : group_units(config, adapters)) {
    std::vector<std::int64_t>& ranks = shapes.ranks.emplace_back();
    for (const UnitGroup& group : groups) ranks.push_back(group.rank);
  }
  shapes.has_dropout = std::ranges::any_of(adapters, [](const LearnAdapter& adapter) { return adapter.dropout > 0; });
  return shapes;
}

std::size_t lay_out(void* block, const ops::Device& device, const Config& config, const UnitShapes& units,
                    std::int64_t tokens, std::optional<Keep> keep, LearnArrays& out) {
  out = {};
  RowCutter rows{Cutter(block), tokens};
  take_shared(rows, device, config, units, keep.has_value(), out);
  const DType type = device.activations();
  for (std::int64_t i = 0; i <= config.layers; ++i) {
    // Where nothing is kept, two take turns: what a layer reads and what it writes.
    const bool is_own = keep.has_value() || i < 2;
    out.residuals.push_back(is_own ? rows.take(type, config.hidden) : out.residuals[static_cast<std::size_t>(i - 2)]);
  }
  const std::size_t first_trace = rows.cutter.place();
  for (std::int64_t i = 0; i < config.layers; ++i) {
    if (keep != Keep::activations) rows.cutter.go_to(first_trace);
    out.layers.push_back(take_trace(rows, device, config, units, i));
  }
  return rows.cutter.bytes();
}

}  // namespace amalgam::model
