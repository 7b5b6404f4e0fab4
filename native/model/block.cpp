#include "model/block.h"

namespace amalgam::model {

namespace {

using ops::Array;
using ops::Into;

/// A linear layer with its bias and the rank units that the rows have for it.
void apply_linear(const BlockContext& context, std::int64_t index, const LayerWeights& weights, Linear linear, Array x,
                  Array out, Into into) {
  const auto l = static_cast<std::size_t>(linear);
  const std::span<const std::int32_t> sets = context.rows.sets;
  context.device.linear(x, weights.matrices[l].view(), out, into);
  const Array bias = weights.biases[l].view();
  if (bias.rows > 0) context.device.add_bias(out, bias);
  for (const UnitRows& run : context.rows.units) {
    const UnitStack::Part part = run.units->part(index, linear);
    if (part.a.rows == 0 || part.is_zero) continue;
    const auto set_of_row = sets.subspan(static_cast<std::size_t>(run.first), static_cast<std::size_t>(run.rows));
    context.device.add_units(x.row_range(run.first, run.rows), part.a, part.b, part.c, set_of_row,
                             out.row_range(run.first, run.rows));
  }
}

void run_attention(const BlockContext& context, std::int64_t index, const LayerWeights& weights,
                   const ops::CacheLayer& cache) {
  const auto& [device, config, rows, rope, activations] = context;
  const auto& [residual, normed, q, k, v, attended, gate, up] = activations;
  const auto eps = static_cast<float>(config.rms_eps);
  device.rms_norm(residual, weights.input_norm.view(), eps, normed);
  apply_linear(context, index, weights, Linear::q, normed, q, Into::overwrite);
  apply_linear(context, index, weights, Linear::k, normed, k, Into::overwrite);
  apply_linear(context, index, weights, Linear::v, normed, v, Into::overwrite);
  if (config.qk_norm) {
    const Array q_heads = by_heads(q, config.head_dim);
    const Array k_heads = by_heads(k, config.head_dim);
    device.rms_norm(q_heads, weights.q_norm.view(), eps, q_heads);
    device.rms_norm(k_heads, weights.k_norm.view(), eps, k_heads);
  }
  device.rope(q, config.head_dim, rows.positions, rope.cosines(), rope.sines());
  device.rope(k, config.head_dim, rows.positions, rope.cosines(), rope.sines());
  if (!rows.kept.empty()) device.keep_keys(k, v, cache, rows.kept);
  const std::int64_t window = config.windows[static_cast<std::size_t>(index)];
  device.attention(q, k, v, cache, rows.sequences, {config.heads, config.kv_heads, config.head_dim, window}, attended);
  apply_linear(context, index, weights, Linear::o, attended, residual, Into::accumulate);
}

void run_mlp(const BlockContext& context, std::int64_t index, const LayerWeights& weights) {
  const auto& [device, config, rows, rope, activations] = context;
  const auto& [residual, normed, q, k, v, attended, gate, up] = activations;
  device.rms_norm(residual, weights.post_norm.view(), static_cast<float>(config.rms_eps), normed);
  apply_linear(context, index, weights, Linear::gate, normed, gate, Into::overwrite);
  apply_linear(context, index, weights, Linear::up, normed, up, Into::overwrite);
  device.swiglu(gate, up, gate);
  apply_linear(context, index, weights, Linear::down, gate, residual, Into::accumulate);
}

}  // namespace

Array by_heads(const Array& x, std::int64_t head_dim) {
  return {x.data, x.type, x.rows * (x.cols / head_dim), head_dim, head_dim};
}

void run_block(const BlockContext& context, std::int64_t index, const LayerWeights& weights,
               const ops::CacheLayer& cache) {
  run_attention(context, index, weights, cache);
  run_mlp(context, index, weights);
}

}  // namespace amalgam::model
