#include "model/config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "model/config_field.h"
#include "model/config_rope.h"

namespace amalgam::model {

namespace {

using core::Error;
using core::Json;

// Sizes that no model comes near; they keep products of sizes within 64 bits, and a hostile file from asking for more.
constexpr std::int64_t most_tokens = std::int64_t{1} << 24;
constexpr std::int64_t largest_side = std::int64_t{1} << 20;
constexpr std::int64_t most_layers = 4096;
constexpr std::int64_t most_heads = 1 << 14;
constexpr std::int64_t largest_head = 4096;
constexpr std::int64_t most_positions = std::int64_t{1} << 24;
constexpr std::size_t most_end_tokens = 1024;

struct FamilyRow {
  Family family;
  std::string_view model_type;
  std::string_view architecture;
};
constexpr std::array families{
    FamilyRow{Family::llama, "llama", "LlamaForCausalLM"},
    FamilyRow{Family::mistral, "mistral", "MistralForCausalLM"},
    FamilyRow{Family::qwen2, "qwen2", "Qwen2ForCausalLM"},
    FamilyRow{Family::qwen3, "qwen3", "Qwen3ForCausalLM"},
};

const FamilyRow& parse_family(const ConfigObject& config) {
  const std::string type = config.text("model_type", "");
  std::string names;
  for (const FamilyRow& row : families) {
    if (row.model_type == type) return row;
    names += (names.empty() ? "" : ", ") + std::string(row.model_type);
  }
  throw Error("architecture-unknown",
              "model_type is " + (type.empty() ? "missing" : shown(Json(type))) + "; the families computed here are " +
                  names + ".");
}

/// Checkpoints of one model_type with another head, or with code of their own, compute something else.
void check_architecture(const ConfigObject& config, const FamilyRow& family) {
  if (const Json* names = config.find("architectures")) {
    const bool fits = names->is_array() && std::ranges::any_of(names->as_array("architectures"), [&](const Json& name) {
      return name.is_string() && name.as_string("architectures") == family.architecture;
    });
    const bool is_empty = names->is_array() && names->as_array("architectures").empty();
    if (!fits && !is_empty) {
      throw Error("architecture-unknown", "architectures is " + shown(*names) + "; for model_type \"" +
                                              std::string(family.model_type) + "\" it must hold " +
                                              std::string(family.architecture) + ".");
    }
  }
  if (const Json* map = config.find("auto_map"); map != nullptr && map->find("AutoModelForCausalLM") != nullptr) {
    throw config.unsupported("auto_map", "The model comes with code of its own, which is not run.");
  }
}

/// True for what switches a field off: null, false, 0, an empty list or object.
bool is_off(const Json* value) {
  if (value == nullptr) return true;
  const std::string text = value->dump();
  return text == "false" || text == "0" || text == "0.0" || text == "[]" || text == "{}";
}

/// Fields of relatives of these families that change the arithmetic.
void check_foreign_fields(const ConfigObject& config) {
  constexpr std::array off{
      "quantization_config", "compression_config", "attn_logit_softcapping", "final_logit_softcapping",
      "logit_softcapping", "attn_logit_softcap", "final_logit_softcap", "query_pre_attn_scalar",
      "attention_multiplier", "clip_qkv", "no_rope_layers", "attention_chunk_size", "num_experts",
      "num_local_experts", "use_parallel_residual", "parallel_attn", "alibi", "rope_interleaved", "rope_interleave",
      "use_qk_norm", "qk_norm", "use_qk_layernorm", "attention_sinks", "nope_layer_interval", "use_mrope"};
  for (const char* key : off) {
    if (!is_off(config.find(key))) throw config.unsupported(key, "Use a checkpoint without it.");
  }
  constexpr std::array neutral_at_one{"logit_scale", "logits_scaling", "embedding_multiplier", "residual_multiplier",
                                      "scale_emb"};
  for (const char* key : neutral_at_one) {
    const Json* value = config.find(key);
    if (value != nullptr && !(value->is_number() && value->as_number(key) == 1.0)) {
      throw config.unsupported(key, "Use a checkpoint without it.");
    }
  }
  const std::string activation = config.text("hidden_act", "silu");
  if (activation != "silu" && activation != "swish") {
    throw config.unsupported("hidden_act", "The activation of these families is \"silu\".");
  }
}

void parse_biases(const ConfigObject& fields, Config& config) {
  const bool knows_attention_bias = config.family == Family::llama || config.family == Family::qwen3;
  const bool attention_bias = fields.flag("attention_bias", false);
  if (knows_attention_bias) {
    config.attention_bias = config.output_bias = attention_bias;
  } else if (config.family == Family::qwen2) {
    config.attention_bias = true;
  } else if (attention_bias) {
    throw fields.unsupported("attention_bias", "Models of this family have no such bias.");
  }
  config.mlp_bias = fields.flag("mlp_bias", false);
  if (config.mlp_bias && config.family != Family::llama) {
    throw fields.unsupported("mlp_bias", "Models of this family have no such bias.");
  }
  config.qk_norm = config.family == Family::qwen3;
}

/// What layer_types says of every layer: true for a sliding window. Nothing when the field is absent.
std::optional<std::vector<bool>> parse_layer_types(const ConfigObject& fields, std::int64_t layers) {
  const Json* types = fields.find("layer_types");
  if (types == nullptr) return {};
  if (!types->is_array() || types->as_array("layer_types").size() != static_cast<std::size_t>(layers)) {
    throw fields.invalid("layer_types", "must be a list of num_hidden_layers words");
  }
  std::vector<bool> slides;
  for (const Json& type : types->as_array("layer_types")) {
    const std::string word = type.is_string() ? type.as_string("layer_types") : "";
    if (word != "full_attention" && word != "sliding_attention") {
      throw Error("config-unsupported", "layer_types[" + std::to_string(slides.size()) + "] is " + shown(type) +
                                            "; layers computed here are \"full_attention\" and \"sliding_attention\".");
    }
    slides.push_back(word == "sliding_attention");
  }
  return slides;
}

/// The window that sliding_window means, 0 for none.
std::int64_t parse_window(const ConfigObject& fields, Family family) {
  constexpr std::int64_t usual = 4096;  // the default of all three families that have windows
  const bool is_llama = family == Family::llama;
  const bool is_mistral = family == Family::mistral;
  const std::int64_t window =
      fields.integer("sliding_window", 1, most_positions, !is_llama && fields.is_absent("sliding_window") ? usual : 0);
  const bool is_used = fields.flag("use_sliding_window", is_llama || is_mistral);
  if (window > 0 && is_llama && is_used) {
    throw fields.unsupported("sliding_window", "Models of this family see all tokens before a token.");
  }
  if (window > 0 && is_mistral && !is_used) {
    throw fields.unsupported("use_sliding_window",
                             "Models of this family switch the window off by a sliding_window of null.");
  }
  return is_used ? window : 0;
}

void parse_windows(const ConfigObject& fields, Config& config) {
  const std::int64_t window = parse_window(fields, config.family);
  const std::optional<std::vector<bool>> types = parse_layer_types(fields, config.layers);
  const bool is_qwen = config.family == Family::qwen2 || config.family == Family::qwen3;
  const std::int64_t first = is_qwen ? fields.integer("max_window_layers", 0, most_positions, 28) : 0;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const bool by_window = window > 0 && layer >= first;
    const bool slides = types ? (*types)[static_cast<std::size_t>(layer)] : by_window;
    if (slides && window == 0) {
      throw fields.invalid("sliding_window",
                           "must be a number, and in use, where layer_types has \"sliding_attention\"");
    }
    if (!is_qwen && slides != by_window) {
      throw fields.unsupported("layer_types", "All layers of this family are of the kind that sliding_window says.");
    }
    config.windows.push_back(slides ? window : 0);
  }
}

std::vector<std::int32_t> parse_end_tokens(const ConfigObject& fields, std::int64_t vocabulary) {
  const Json* value = fields.find("eos_token_id");
  if (value == nullptr) return {};
  const Json::Array items = value->is_array() ? value->as_array("eos_token_id") : Json::Array{*value};
  if (items.size() > most_end_tokens) throw fields.invalid("eos_token_id", "must be a token or a list of at most 1024");
  std::vector<std::int32_t> tokens;
  for (const Json& item : items) {
    if (!item.is_number()) throw fields.invalid("eos_token_id", "must be a token or a list of tokens");
    // Some files hold -1, or an added token beyond the embedding: no model says them, so nothing ends there.
    const double token = item.as_number("eos_token_id");
    if (token >= 0 && token < static_cast<double>(vocabulary)) tokens.push_back(static_cast<std::int32_t>(token));
  }
  return tokens;
}

void parse_heads(const ConfigObject& fields, Config& config) {
  config.heads = fields.integer("num_attention_heads", 1, most_heads);
  const bool has_default = config.family == Family::llama || !fields.is_absent("num_key_value_heads");
  config.kv_heads = fields.integer("num_key_value_heads", 1, most_heads,
                                   has_default ? std::optional(config.heads) : std::nullopt);
  if (config.heads % config.kv_heads != 0) {
    throw fields.invalid("num_key_value_heads",
                         "must divide num_attention_heads (" + std::to_string(config.heads) + ")");
  }
  if (fields.has("head_dim")) {
    config.head_dim = fields.integer("head_dim", 2, largest_head);
  } else if (config.family == Family::qwen3) {
    config.head_dim = 128;  // Qwen3Config's default, whatever the hidden size
  } else {
    if (config.hidden % config.heads != 0) {
      throw fields.invalid("num_attention_heads", "must divide hidden_size (" + std::to_string(config.hidden) +
                                                      ") where head_dim is not given");
    }
    config.head_dim = config.hidden / config.heads;
  }
  if (config.head_dim < 2 || config.head_dim % 2 != 0 || config.head_dim > largest_head) {
    throw fields.invalid("head_dim", "must be even and at most " + std::to_string(largest_head) + " (it comes to " +
                                         std::to_string(config.head_dim) + ")");
  }
}

}  // namespace

std::string family_name(Family family) {
  const auto row = std::ranges::find(families, family, &FamilyRow::family);
  return std::string(row->model_type);
}

Config parse_config(const Json& json) {
  const ConfigObject fields(json, "");
  const FamilyRow& family = parse_family(fields);
  check_architecture(fields, family);
  check_foreign_fields(fields);
  Config config;
  config.family = family.family;
  config.vocabulary = fields.integer("vocab_size", 1, most_tokens);
  config.hidden = fields.integer("hidden_size", 1, largest_side);
  config.intermediate = fields.integer("intermediate_size", 1, largest_side);
  config.layers = fields.integer("num_hidden_layers", 1, most_layers);
  parse_heads(fields, config);
  config.max_positions = fields.integer("max_position_embeddings", 1, most_positions);
  config.rms_eps = fields.number_above("rms_norm_eps", 0, 1e-6);
  const RopeFacts rope = parse_rope(fields, config.max_positions);
  config.rope_theta = rope.theta;
  config.rope_scaling = rope.scaling;
  config.tied = fields.flag("tie_word_embeddings", false);
  parse_biases(fields, config);
  parse_windows(fields, config);
  config.end_tokens = parse_end_tokens(fields, config.vocabulary);
  return config;
}

}  // namespace amalgam::model
