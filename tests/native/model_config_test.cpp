// What config.json may say: families, spellings, and what is refused, by name.
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/rope_tables.h"
#include "model_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::Json;
using model::Config;
using model::Family;
using model::RopeScaling;
using test::config_json;

namespace {

using Changes = std::vector<Json::Member>;

Config parsed(const std::string& model_type, const Changes& changes = {}) {
  return model::parse_config(config_json(model_type, changes));
}

/// The config is refused with that code, and the message holds all those words.
void check_refused(const std::string& code, const std::string& model_type, const Changes& changes,
                   const std::vector<std::string>& words) {
  const core::Error error = CHECK_ERROR(code, parsed(model_type, changes));
  for (const std::string& word : words) {
    if (std::string(error.what()).find(word) == std::string::npos) {
      test::fail("\"" + std::string(error.what()) + "\" does not say " + word, AMALGAM_HERE);
    }
  }
}

Json rope(const Changes& members) { return Json(Json::Object(members)); }

}  // namespace

TEST("the four families, with the biases and norms that they have") {
  const Config llama = parsed("llama");
  CHECK(llama.family == Family::llama);
  CHECK_EQ(llama.vocabulary, 61);
  CHECK_EQ(llama.hidden, 32);
  CHECK_EQ(llama.intermediate, 56);
  CHECK_EQ(llama.layers, 2);
  CHECK_EQ(llama.heads, 4);
  CHECK_EQ(llama.kv_heads, 2);
  CHECK_EQ(llama.head_dim, 8);
  CHECK_EQ(llama.max_positions, 64);
  CHECK_EQ(llama.rms_eps, 1e-6);
  CHECK(!llama.attention_bias && !llama.output_bias && !llama.mlp_bias && !llama.qk_norm && !llama.tied);
  CHECK(llama.windows == std::vector<std::int64_t>({0, 0}));
  const Config biased = parsed("llama", {{"attention_bias", true}, {"mlp_bias", true}, {"tie_word_embeddings", true}});
  CHECK(biased.attention_bias && biased.output_bias && biased.mlp_bias && biased.tied);
  CHECK(parsed("mistral").family == Family::mistral);
  const Config qwen2 = parsed("qwen2");
  CHECK(qwen2.attention_bias && !qwen2.output_bias && !qwen2.qk_norm);
  const Config qwen3 = parsed("qwen3", {{"head_dim", nullptr}});
  CHECK(qwen3.qk_norm && !qwen3.attention_bias && !qwen3.output_bias);
  CHECK_EQ(qwen3.head_dim, 128);
  CHECK(parsed("qwen3", {{"attention_bias", true}}).output_bias);
  for (const Family family : {Family::llama, Family::mistral, Family::qwen2, Family::qwen3}) {
    CHECK(parsed(model::family_name(family)).family == family);
  }
}

TEST("what is absent takes the value that transformers gives it") {
  CHECK_EQ(parsed("llama", {{"head_dim", nullptr}}).head_dim, 8);
  CHECK_EQ(parsed("llama", {{"num_key_value_heads", nullptr}}).kv_heads, 4);
  CHECK_EQ(parsed("llama", {{"rms_norm_eps", 1e-5}}).rms_eps, 1e-5);
  CHECK_EQ(parsed("llama").rope_theta, 10000.0);
  Json without_window = Json::object({});
  const Json mistral = config_json("mistral");
  for (const Json::Member& member : mistral.as_object("")) {
    if (member.first != "sliding_window") without_window.set(member.first, member.second);
  }
  CHECK(model::parse_config(without_window).windows == std::vector<std::int64_t>({4096, 4096}));
  CHECK(parsed("llama").end_tokens.empty());
  CHECK(parsed("llama", {{"eos_token_id", 7}}).end_tokens == std::vector<std::int32_t>({7}));
  CHECK(parsed("llama", {{"eos_token_id", Json::array({7, 60, 61, -1})}}).end_tokens ==
        std::vector<std::int32_t>({7, 60}));
}

TEST("rotary positions in both spellings, and in the older key of the type") {
  const Changes linear{{"factor", 4.0}};
  for (const char* key : {"rope_type", "type"}) {
    Changes scaling = linear;
    scaling.emplace_back(key, "linear");
    const Config old = parsed("llama", {{"rope_theta", 5e5}, {"rope_scaling", rope(scaling)}});
    CHECK(old.rope_scaling.kind == RopeScaling::Kind::linear);
    CHECK_EQ(old.rope_scaling.factor, 4.0);
    CHECK_EQ(old.rope_theta, 5e5);
    scaling.emplace_back("rope_theta", 6e5);
    const Config recent = parsed("llama", {{"rope_parameters", rope(scaling)}});
    CHECK(recent.rope_scaling.kind == RopeScaling::Kind::linear);
    CHECK_EQ(recent.rope_theta, 6e5);
  }
  const Changes llama3{{"rope_type", "llama3"}, {"factor", 8.0},
                       {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 32}};
  const RopeScaling scaling = parsed("llama", {{"rope_scaling", rope(llama3)}}).rope_scaling;
  CHECK(scaling.kind == RopeScaling::Kind::llama3);
  CHECK_EQ(scaling.original_positions, 32);
  CHECK_EQ(scaling.high_freq_factor, 4.0);
  CHECK_EQ(parsed("llama", {{"rope_scaling", rope(llama3)}, {"original_max_position_embeddings", 32}}).layers, 2);
  check_refused("config-unsupported", "llama",
                {{"rope_scaling", rope(llama3)}, {"original_max_position_embeddings", 64}},
                {"original_max_position_embeddings is 64"});
  CHECK(parsed("qwen2", {{"rope_scaling", nullptr}}).rope_scaling.kind == RopeScaling::Kind::none);
  CHECK(parsed("qwen2", {{"rope_parameters", rope({{"rope_type", "default"}})}}).rope_scaling.kind ==
        RopeScaling::Kind::none);
}

TEST("windows per layer") {
  using Windows = std::vector<std::int64_t>;
  const Json mixed = Json::array({"full_attention", "sliding_attention"});
  CHECK(parsed("mistral", {{"sliding_window", 7}}).windows == Windows({7, 7}));
  CHECK(parsed("mistral").windows == Windows({0, 0}));
  CHECK(parsed("llama", {{"sliding_window", 7}, {"use_sliding_window", false}}).windows == Windows({0, 0}));
  const Changes used{{"sliding_window", 7}, {"use_sliding_window", true}};
  const auto with = [&](const char* key, Json value) {
    Changes changes = used;
    changes.emplace_back(key, std::move(value));
    return changes;
  };
  CHECK(parsed("qwen2", {{"sliding_window", 7}}).windows == Windows({0, 0}));
  CHECK(parsed("qwen2", with("max_window_layers", 1)).windows == Windows({0, 7}));
  CHECK(parsed("qwen2", used).windows == Windows({0, 0}));  // the first 28 layers see everything
  CHECK(parsed("qwen3", with("layer_types", mixed)).windows == Windows({0, 7}));
  check_refused("config-invalid", "qwen3", {{"layer_types", mixed}}, {"sliding_window", "layer_types"});
  check_refused("config-unsupported", "mistral", {{"sliding_window", 7}, {"layer_types", mixed}}, {"layer_types"});
  check_refused("config-unsupported", "llama", {{"sliding_window", 7}}, {"sliding_window is 7"});
  check_refused("config-unsupported", "qwen2", {{"layer_types", Json::array({"full_attention", "linear_attention"})}},
                {"layer_types[1]", "linear_attention"});
  check_refused("config-invalid", "qwen2", {{"layer_types", Json::array({"full_attention"})}}, {"layer_types"});
}

TEST("other architectures are refused with the families there are") {
  check_refused("architecture-unknown", "gemma2", {}, {"gemma2", "llama, mistral, qwen2, qwen3"});
  check_refused("architecture-unknown", "llama", {{"model_type", nullptr}}, {"model_type is missing"});
  check_refused("architecture-unknown", "llama", {{"architectures", Json::array({"LlamaForSequenceClassification"})}},
                {"LlamaForSequenceClassification", "LlamaForCausalLM"});
  check_refused("config-unsupported", "llama",
                {{"auto_map", Json::object({{"AutoModelForCausalLM", "modeling.Mine"}})}}, {"auto_map"});
  CHECK_EQ(parsed("llama", {{"architectures", Json::array()}}).layers, 2);
}

TEST("fields that would change the arithmetic are refused by name and value") {
  const Json quantised = Json::object({{"quant_method", "gptq"}, {"bits", 4}});
  check_refused("config-unsupported", "llama", {{"hidden_act", "gelu"}}, {"hidden_act is \"gelu\""});
  check_refused("config-unsupported", "llama", {{"quantization_config", quantised}}, {"quantization_config", "gptq"});
  check_refused("config-unsupported", "llama", {{"partial_rotary_factor", 0.5}}, {"partial_rotary_factor is 0.5"});
  check_refused("config-unsupported", "llama", {{"attn_logit_softcapping", 50.0}}, {"attn_logit_softcapping is 50"});
  check_refused("config-unsupported", "llama", {{"final_logit_softcapping", 30}}, {"final_logit_softcapping is 30"});
  check_refused("config-unsupported", "llama", {{"logits_scaling", 8}}, {"logits_scaling is 8"});
  check_refused("config-unsupported", "mistral", {{"mlp_bias", true}}, {"mlp_bias is true"});
  check_refused("config-unsupported", "mistral", {{"attention_bias", true}}, {"attention_bias is true"});
  for (const char* type : {"dynamic", "yarn", "longrope", "su", "mrope"}) {
    check_refused("config-unsupported", "llama", {{"rope_scaling", rope({{"type", type}, {"factor", 2.0}})}},
                  {"rope_scaling.type is \"" + std::string(type) + "\""});
  }
  const Json nested = rope({{"full_attention", rope({{"rope_type", "default"}})}});
  check_refused("config-unsupported", "qwen3", {{"rope_parameters", nested}}, {"rope_parameters.full_attention"});
  const Changes harmless{{"partial_rotary_factor", 1}, {"quantization_config", nullptr}, {"logits_scaling", 1.0}};
  CHECK_EQ(parsed("llama", harmless).layers, 2);
}

TEST("impossible sizes are refused by name, and hostile ones ask for no memory") {
  check_refused("config-invalid", "llama", {{"hidden_size", nullptr}}, {"hidden_size", "missing"});
  check_refused("config-invalid", "llama", {{"hidden_size", 0}}, {"hidden_size", "not 0"});
  check_refused("config-invalid", "llama", {{"hidden_size", "32"}}, {"hidden_size", "not \"32\""});
  check_refused("config-invalid", "llama", {{"num_hidden_layers", 1e15}}, {"num_hidden_layers"});
  check_refused("config-invalid", "llama", {{"vocab_size", std::int64_t{1} << 40}}, {"vocab_size"});
  check_refused("config-invalid", "llama", {{"num_attention_heads", 5}, {"head_dim", nullptr}},
                {"num_key_value_heads"});
  check_refused("config-invalid", "llama", {{"num_attention_heads", 6}, {"head_dim", nullptr}},
                {"num_attention_heads", "hidden_size"});
  check_refused("config-invalid", "llama", {{"head_dim", 7}}, {"head_dim", "even"});
  check_refused("config-invalid", "llama", {{"rms_norm_eps", -1.0}}, {"rms_norm_eps"});
  check_refused("config-invalid", "llama", {{"rope_scaling", rope({{"type", "linear"}})}}, {"rope_scaling.factor"});
  check_refused("config-invalid", "llama", {{"rope_scaling", "linear"}}, {"rope_scaling must be an object"});
  check_refused("config-invalid", "llama", {{"tie_word_embeddings", 1}}, {"tie_word_embeddings"});
  check_refused("config-invalid", "llama", {{"eos_token_id", "end"}}, {"eos_token_id"});
  CHECK_ERROR("config-invalid", model::parse_config(Json::array()));
}

TEST("frequencies fall with the pair, and are scaled as the config says") {
  const double theta = 500000;
  const auto frequency = [&](int pair) { return std::pow(theta, -2.0 * pair / 8); };
  const std::vector<float> plain = model::rope_frequencies(parsed("llama", {{"rope_theta", theta}}));
  CHECK_EQ(plain.size(), 4u);
  for (int i = 0; i < 4; ++i) CHECK_NEAR(plain[static_cast<std::size_t>(i)] / frequency(i), 1, 1e-6);
  const std::vector<float> linear = model::rope_frequencies(
      parsed("llama", {{"rope_theta", theta}, {"rope_scaling", rope({{"type", "linear"}, {"factor", 4.0}})}}));
  for (std::size_t i = 0; i < 4; ++i) CHECK_EQ(linear[i], plain[i] / 4);
  // Llama 3: waves of 6.3, 167, 4443 and 118,000 positions; those above 5000 / 1 are stretched,
  // those below 5000 / 4 kept.
  const std::vector<float> llama3 = model::rope_frequencies(
      parsed("llama", {{"rope_theta", theta},
                       {"rope_scaling", rope({{"rope_type", "llama3"},
                                              {"factor", 8.0},
                                              {"low_freq_factor", 1.0},
                                              {"high_freq_factor", 4.0},
                                              {"original_max_position_embeddings", 5000}})}}));
  CHECK_EQ(llama3[0], plain[0]);
  CHECK_EQ(llama3[1], plain[1]);
  CHECK_EQ(llama3[3], plain[3] / 8);
  const double smooth = (5000 * frequency(2) / (2 * std::numbers::pi) - 1) / 3;
  CHECK_NEAR(llama3[2] / ((1 - smooth) * frequency(2) / 8 + smooth * frequency(2)), 1, 1e-5);
}

TEST("whatever stands in a config.json, it is read or refused") {
  test::Random random(11);
  const std::vector<Json> values{nullptr, true, -1, 0, 1, 1e300, -0.5, std::int64_t{1} << 62, "silu", "linear", "",
                                 Json::array(), Json::array({1, "x"}), Json::object({}), rope({{"type", "llama3"}})};
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    Json::Object fields = config_json(i % 2 == 0 ? "llama" : "qwen3").as_object("");
    for (const char* key : {"rope_theta", "rope_scaling", "rope_parameters", "layer_types", "eos_token_id", "auto_map",
                            "max_window_layers", "use_sliding_window", "num_experts", "logit_scale", "rms_norm_eps"}) {
      if (random.integer(0, 7) == 0) fields.emplace_back(key, nullptr);
    }
    for (std::int64_t changes = random.integer(1, 2); changes > 0; --changes) {
      Json::Member& member =
          fields[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(fields.size()) - 1))];
      member.second = values[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(values.size()) - 1))];
    }
    try {
      const Config config = model::parse_config(Json(fields));
      CHECK_EQ(static_cast<std::int64_t>(config.windows.size()), config.layers);
      CHECK_EQ(static_cast<std::int64_t>(model::rope_frequencies(config).size()), config.head_dim / 2);
      ++read;
    } catch (const core::Error& error) {
      CHECK(error.code == "config-invalid" || error.code == "config-unsupported" ||
            error.code == "architecture-unknown");
      CHECK(std::string(error.what()).size() < 400);
    }
  }
  CHECK(read > 1000);
}
