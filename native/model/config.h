// What a checkpoint's config.json says about the arithmetic: Llama 2/3, Mistral, Qwen2 and Qwen3, in the spellings of
// transformers 4 (rope_theta, rope_scaling) and 5 (rope_parameters).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"

namespace amalgam::model {

enum class Family { llama, mistral, qwen2, qwen3 };

/// How rotary frequencies are scaled: not at all, all divided by `factor`, or Llama 3's rule by wave length.
struct RopeScaling {
  enum class Kind { none, linear, llama3 } kind = Kind::none;
  double factor = 1;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  std::int64_t original_positions = 0;
};

struct Config {
  Family family = Family::llama;
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 0;
  double rms_eps = 1e-6;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  bool tied = false;            ///< the head is the embedding
  bool attention_bias = false;  ///< q, k, v have a bias
  bool output_bias = false;     ///< o has one
  bool mlp_bias = false;
  bool qk_norm = false;         ///< heads of q and k are normalised (Qwen3)
  std::vector<std::int64_t> windows;  ///< per layer the sliding window, 0 for none
  std::vector<std::int32_t> end_tokens;  ///< eos_token_id of config.json, none to several
};

std::string family_name(Family family);

/// Throws Error "architecture-unknown" naming model_type and the families there are, "config-unsupported" naming a
/// field that changes the arithmetic in a way that is not supported (other activations, other rope types, quantised
/// weights, ...) with its value, "config-invalid" for a missing or impossible one.
Config parse_config(const core::Json& config);

}  // namespace amalgam::model
