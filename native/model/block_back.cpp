#include "model/block_back.h"

namespace amalgam::model {

namespace {

using ops::Array;
using ops::Into;

/// What a layer works with.
struct Layer {
  const LayerWeights& weights;
  const LayerTrace& trace;
  Array input;   ///< of the residual
  Array output;
  float eps;
  ops::AttentionShape shape;
};

Layer layer_of(const LearnContext& context, std::int64_t layer) {
  const Config& config = context.config;
  const auto i = static_cast<std::size_t>(layer);
  return {context.weights.layers[i],
          context.arrays.layers[i],
          context.arrays.residuals[i],
          context.arrays.residuals[i + 1],
          static_cast<float>(config.rms_eps),
          {config.heads, config.kv_heads, config.head_dim, config.windows[i]}};
}

/// out = x, exactly.
void copy(ops::Device& device, const Array& x, const Array& out) {
  device.fill_zero(out.data, ops::array_bytes(out.type, out.rows, out.cols));
  device.add(out, x);
}

/// trace.middle from the layer's input.
void run_attention(const LearnContext& context, std::int64_t index) {
  const auto& [weights, trace, input, output, eps, shape] = layer_of(context, index);
  ops::Device& device = context.device;
  const Array normed = context.arrays.normed;
  const bool normalises = context.config.qk_norm;
  device.rms_norm(input, weights.input_norm.view(), eps, normed);
  run_linear(context, index, Linear::q, normed, normalises ? trace.raw_q : trace.q, Into::overwrite);
  run_linear(context, index, Linear::k, normed, normalises ? trace.raw_k : trace.k, Into::overwrite);
  run_linear(context, index, Linear::v, normed, trace.v, Into::overwrite);
  if (normalises) {
    device.rms_norm(by_heads(trace.raw_q, shape.head_dim), weights.q_norm.view(), eps,
                    by_heads(trace.q, shape.head_dim));
    device.rms_norm(by_heads(trace.raw_k, shape.head_dim), weights.k_norm.view(), eps,
                    by_heads(trace.k, shape.head_dim));
  }
  device.rope(trace.q, shape.head_dim, context.rows.positions, context.rope.cosines(), context.rope.sines());
  device.rope(trace.k, shape.head_dim, context.rows.positions, context.rope.cosines(), context.rope.sines());
  device.attention(trace.q, trace.k, trace.v, {}, context.rows.sequences, shape, trace.attended);
  copy(device, input, trace.middle);
  run_linear(context, index, Linear::o, trace.attended, trace.middle, Into::accumulate);
}

/// arrays.mixed from trace.middle.
void run_gates(const LearnContext& context, std::int64_t index) {
  const auto& [weights, trace, input, output, eps, shape] = layer_of(context, index);
  const LearnArrays& arrays = context.arrays;
  context.device.rms_norm(trace.middle, weights.post_norm.view(), eps, arrays.normed);
  run_linear(context, index, Linear::gate, arrays.normed, trace.gate, Into::overwrite);
  run_linear(context, index, Linear::up, arrays.normed, trace.up, Into::overwrite);
  context.device.swiglu(trace.gate, trace.up, arrays.mixed);
}

/// From the gradient of the layer's output to that of trace.middle.
void back_mlp(const LearnContext& context, std::int64_t index) {
  const auto& [weights, trace, input, output, eps, shape] = layer_of(context, index);
  const LearnArrays& arrays = context.arrays;
  ops::Device& device = context.device;
  if (needs_input(context, index, Linear::down)) device.swiglu(trace.gate, trace.up, arrays.mixed);
  back_linear(context, index, Linear::down, arrays.mixed, arrays.d_residual, arrays.d_mixed, Into::overwrite);
  if (!goes_deeper(context, index, Linear::down)) return;
  device.swiglu_back(trace.gate, trace.up, arrays.d_mixed, trace.gate, trace.up);
  if (needs_input(context, index, Linear::gate) || needs_input(context, index, Linear::up)) {
    device.rms_norm(trace.middle, weights.post_norm.view(), eps, arrays.normed);
  }
  back_linear(context, index, Linear::gate, arrays.normed, trace.gate, arrays.d_normed, Into::overwrite);
  back_linear(context, index, Linear::up, arrays.normed, trace.up, arrays.d_normed, Into::accumulate);
  if (!goes_deeper(context, index, Linear::gate)) return;
  device.rms_norm_back(trace.middle, weights.post_norm.view(), eps, arrays.d_normed, arrays.d_residual);
}

/// Through the normalisation of the heads: `d_heads` is the gradient behind it, `d_raw` becomes the one before it.
void back_head_norm(const LearnContext& context, const Array& raw, const Array& weight, const Array& d_heads,
                    const Array& d_raw) {
  const std::int64_t head_dim = context.config.head_dim;
  context.device.fill_zero(d_raw.data, ops::array_bytes(d_raw.type, d_raw.rows, d_raw.cols));
  context.device.rms_norm_back(by_heads(raw, head_dim), weight, static_cast<float>(context.config.rms_eps),
                               by_heads(d_heads, head_dim), by_heads(d_raw, head_dim));
}

/// From the gradient of trace.middle to that of the layer's input.
void back_attention(const LearnContext& context, std::int64_t index) {
  const auto& [weights, trace, input, output, eps, shape] = layer_of(context, index);
  const LearnArrays& arrays = context.arrays;
  ops::Device& device = context.device;
  back_linear(context, index, Linear::o, trace.attended, arrays.d_residual, arrays.d_attended, Into::overwrite);
  if (!goes_deeper(context, index, Linear::o)) return;
  Array d_q = arrays.d_q;
  Array d_k = arrays.d_k;
  device.attention_back(trace.q, trace.k, trace.v, trace.attended, arrays.d_attended, context.rows.sequences, shape,
                        d_q, d_k, arrays.d_v);
  device.rope_back(d_q, shape.head_dim, context.rows.positions, context.rope.cosines(), context.rope.sines());
  device.rope_back(d_k, shape.head_dim, context.rows.positions, context.rope.cosines(), context.rope.sines());
  if (context.config.qk_norm) {
    // q and k have served; their memory takes the gradients before the normalisation.
    back_head_norm(context, trace.raw_q, weights.q_norm.view(), d_q, trace.q);
    back_head_norm(context, trace.raw_k, weights.k_norm.view(), d_k, trace.k);
    d_q = trace.q;
    d_k = trace.k;
  }
  if (needs_input(context, index, Linear::q) || needs_input(context, index, Linear::k) ||
      needs_input(context, index, Linear::v)) {
    device.rms_norm(input, weights.input_norm.view(), eps, arrays.normed);
  }
  back_linear(context, index, Linear::q, arrays.normed, d_q, arrays.d_normed, Into::overwrite);
  back_linear(context, index, Linear::k, arrays.normed, d_k, arrays.d_normed, Into::accumulate);
  back_linear(context, index, Linear::v, arrays.normed, arrays.d_v, arrays.d_normed, Into::accumulate);
  if (!goes_deeper(context, index, Linear::q)) return;
  device.rms_norm_back(input, weights.input_norm.view(), eps, arrays.d_normed, arrays.d_residual);
}

}  // namespace

void run_learning_block(const LearnContext& context, std::int64_t index) {
  run_attention(context, index);
  run_gates(context, index);
  const Layer layer = layer_of(context, index);
  copy(context.device, layer.trace.middle, layer.output);
  run_linear(context, index, Linear::down, context.arrays.mixed, layer.output, Into::accumulate);
}

void retrace_block(const LearnContext& context, std::int64_t index) {
  run_attention(context, index);
  run_gates(context, index);
  retrace_linear(context, index, Linear::down, context.arrays.mixed);
}

void back_block(const LearnContext& context, std::int64_t index) {
  back_mlp(context, index);
  if (goes_deeper(context, index, Linear::gate)) back_attention(context, index);
}

}  // namespace amalgam::model
