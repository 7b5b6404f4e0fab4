#include "model/weights.h"

namespace amalgam::model {

namespace {

constexpr std::array<const char*, linears_per_layer> linear_names{
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

bool has_bias(const Config& config, Linear linear) {
  if (linear == Linear::o) return config.output_bias;
  return linear < Linear::o ? config.attention_bias : config.mlp_bias;
}

}  // namespace

LinearShape linear_shape(const Config& config, Linear linear) {
  const std::int64_t q_side = config.heads * config.head_dim;
  const std::int64_t kv_side = config.kv_heads * config.head_dim;
  switch (linear) {
    case Linear::q: return {config.hidden, q_side};
    case Linear::k:
    case Linear::v: return {config.hidden, kv_side};
    case Linear::o: return {q_side, config.hidden};
    case Linear::gate:
    case Linear::up: return {config.hidden, config.intermediate};
    case Linear::down: break;
  }
  return {config.intermediate, config.hidden};
}

std::string linear_name(Linear linear) { return linear_names[static_cast<std::size_t>(linear)]; }

std::string module_name(std::int64_t layer, Linear linear) {
  return "model.layers." + std::to_string(layer) + "." + linear_name(linear);
}

std::vector<WeightPlace> list_weights(const Config& config, Weights& weights) {
  std::vector<WeightPlace> places;
  const auto vector = [&](std::string name, std::int64_t length, ops::DeviceArray& array) {
    places.push_back({std::move(name), {length}, &array});
  };
  places.push_back({"embed_tokens.weight", {config.vocabulary, config.hidden}, &weights.embedding});
  weights.layers.clear();
  weights.layers.resize(static_cast<std::size_t>(config.layers));
  for (std::int64_t i = 0; i < config.layers; ++i) {
    LayerWeights& layer = weights.layers[static_cast<std::size_t>(i)];
    const std::string prefix = "layers." + std::to_string(i) + ".";
    vector(prefix + "input_layernorm.weight", config.hidden, layer.input_norm);
    for (std::size_t l = 0; l < linears_per_layer; ++l) {
      const auto linear = static_cast<Linear>(l);
      const LinearShape shape = linear_shape(config, linear);
      if (linear == Linear::gate) vector(prefix + "post_attention_layernorm.weight", config.hidden, layer.post_norm);
      places.push_back({prefix + linear_name(linear) + ".weight", {shape.out, shape.in}, &layer.matrices[l]});
      if (has_bias(config, linear)) vector(prefix + linear_name(linear) + ".bias", shape.out, layer.biases[l]);
    }
    if (!config.qk_norm) continue;
    vector(prefix + "self_attn.q_norm.weight", config.head_dim, layer.q_norm);
    vector(prefix + "self_attn.k_norm.weight", config.head_dim, layer.k_norm);
  }
  vector("norm.weight", config.hidden, weights.norm);
  if (!config.tied) places.push_back({head_name, {config.vocabulary, config.hidden}, &weights.head});
  return places;
}

}  // namespace amalgam::model
