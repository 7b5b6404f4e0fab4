#include "model/config_rope.h"

#include <string>

namespace amalgam::model {

namespace {

constexpr double default_theta = 10000;
constexpr std::int64_t most_positions = std::int64_t{1} << 30;

void check_whole_heads(const ConfigObject& object) {
  if (object.number_above("partial_rotary_factor", 0, 1.0) != 1.0) {
    throw object.unsupported("partial_rotary_factor", "Only models that rotate whole heads can be used.");
  }
}

RopeScaling parse_scaling(const ConfigObject& rope, std::int64_t max_positions) {
  const std::string_view key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string type = rope.text(key, "default");
  RopeScaling scaling;
  if (type == "default") return scaling;
  if (type != "linear" && type != "llama3") {
    throw rope.unsupported(key, "Rotary positions are computed as they are, \"linear\" or \"llama3\".");
  }
  scaling.kind = type == "linear" ? RopeScaling::Kind::linear : RopeScaling::Kind::llama3;
  scaling.factor = rope.number_above("factor", 0);
  if (type == "linear") return scaling;
  scaling.low_freq_factor = rope.number_above("low_freq_factor", 0);
  scaling.high_freq_factor = rope.number_above("high_freq_factor", scaling.low_freq_factor);
  scaling.original_positions = rope.integer("original_max_position_embeddings", 1, most_positions, max_positions);
  return scaling;
}

}  // namespace

RopeFacts parse_rope(const ConfigObject& config, std::int64_t max_positions) {
  check_whole_heads(config);
  RopeFacts facts;
  facts.theta = config.number_above("rope_theta", 1, default_theta);
  const std::string_view key = config.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (!config.has(key)) return facts;
  const ConfigObject rope = config.object(key);
  for (const std::string_view layer_type : {"full_attention", "sliding_attention"}) {
    if (rope.has(layer_type)) throw rope.unsupported(layer_type, "Rotary positions must be the same in all layers.");
  }
  check_whole_heads(rope);
  facts.theta = rope.number_above("rope_theta", 1, facts.theta);
  facts.scaling = parse_scaling(rope, max_positions);
  // transformers 5 takes this field where it stands outside, earlier versions do not.
  constexpr std::string_view outside = "original_max_position_embeddings";
  const std::int64_t original = facts.scaling.original_positions;
  if (facts.scaling.kind == RopeScaling::Kind::llama3 &&
      config.integer(outside, 1, most_positions, original) != original) {
    throw config.unsupported(outside, "It contradicts the field of the same name in " + std::string(key) + ".");
  }
  return facts;
}

}  // namespace amalgam::model
