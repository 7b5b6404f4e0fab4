// Tiny checkpoints and adapters made in a test, and evaluations over them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/safetensors.h"
#include "eval/evaluate.h"
#include "merge_fixture.h"
#include "random_matrix.h"
#include "runner.h"

namespace amalgam::test {

inline constexpr std::int64_t tiny_vocabulary = 61;
inline constexpr std::int64_t tiny_hidden = 32;
inline constexpr std::int64_t tiny_keys = 16;
inline constexpr std::int64_t tiny_intermediate = 48;
inline constexpr std::int64_t tiny_layers = 2;
inline constexpr std::int64_t tiny_positions = 40;

/// Writes a random Llama of the sizes above; returns its folder. `largest` bounds the weights: large ones overflow.
inline std::string write_tiny_checkpoint(std::uint64_t seed, core::DType dtype = core::DType::F32,
                                         double largest = 0.3) {
  const std::string folder = fresh_folder();
  std::ofstream(folder + "/config.json")
      << R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "vocab_size": 61, "hidden_size": 32,)"
      << R"("intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,)"
      << R"("max_position_embeddings": 40, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,)"
      << R"("eos_token_id": 2})";
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> matrices{
      {"model.embed_tokens.weight", {tiny_vocabulary, tiny_hidden}},
      {"lm_head.weight", {tiny_vocabulary, tiny_hidden}}};
  std::vector<std::string> norms{"model.norm.weight"};
  for (std::int64_t layer = 0; layer < tiny_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    matrices[prefix + "self_attn.q_proj.weight"] = {tiny_hidden, tiny_hidden};
    matrices[prefix + "self_attn.k_proj.weight"] = {tiny_keys, tiny_hidden};
    matrices[prefix + "self_attn.v_proj.weight"] = {tiny_keys, tiny_hidden};
    matrices[prefix + "self_attn.o_proj.weight"] = {tiny_hidden, tiny_hidden};
    matrices[prefix + "mlp.gate_proj.weight"] = {tiny_intermediate, tiny_hidden};
    matrices[prefix + "mlp.up_proj.weight"] = {tiny_intermediate, tiny_hidden};
    matrices[prefix + "mlp.down_proj.weight"] = {tiny_hidden, tiny_intermediate};
    norms.push_back(prefix + "input_layernorm.weight");
    norms.push_back(prefix + "post_attention_layernorm.weight");
  }
  std::vector<core::TensorPlan> plan;
  for (const auto& [name, shape] : matrices) plan.push_back({name, dtype, {shape.first, shape.second}});
  for (const std::string& name : norms) plan.push_back({name, dtype, {tiny_hidden}});
  core::SafetensorsWriter writer(folder + "/model.safetensors", plan, {{"format", "pt"}});
  Random random(seed);
  for (const auto& [name, shape] : matrices) {
    core::Matrix<float> matrix = random_matrix<float>(random, shape.first, shape.second);
    for (std::int64_t i = 0; i < matrix.size(); ++i) matrix.data()[i] *= static_cast<float>(largest);
    writer.write_f32(name, matrix.data());
  }
  for (const std::string& name : norms) writer.write_f32(name, std::vector<float>(tiny_hidden, 1.0f).data());
  writer.finish();
  return folder;
}

/// A random adapter of the tiny model's q, v and down in both layers.
inline Adapter tiny_adapter(std::uint64_t seed, std::int64_t rank) {
  Random random(seed);
  Adapter adapter{{}, 0.5, core::DType::F32};
  for (std::int64_t layer = 0; layer < tiny_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    adapter.modules[prefix + "self_attn.q_proj"] =
        random_factors(random, tiny_hidden, tiny_hidden, rank, core::DType::F32);
    adapter.modules[prefix + "self_attn.v_proj"] =
        random_factors(random, tiny_keys, tiny_hidden, rank, core::DType::F32);
    adapter.modules[prefix + "mlp.down_proj"] =
        random_factors(random, tiny_hidden, tiny_intermediate, rank, core::DType::F32);
  }
  return adapter;
}

/// Writes the adapter; returns its part of a request.
inline core::Json adapter_part(const std::string& name, const Adapter& adapter) {
  const std::string path = fresh_folder() + "/adapter_model.safetensors";
  write_adapter(path, adapter);
  core::Json modules = core::Json::array();
  for (const auto& [module, factors] : adapter.modules) {
    modules.push(core::Json::object({{"name", module},
                                     {"a", a_name(module)},
                                     {"b", b_name(module)},
                                     {"rank", factors.a.rows()},
                                     {"in", factors.a.cols()},
                                     {"out", factors.b.rows()},
                                     {"scaling", adapter.scaling}}));
  }
  return core::Json::object({{"name", name}, {"weightsFile", path}, {"modules", modules}});
}

inline core::Json tokens_part(const std::vector<int>& tokens) {
  core::Json part = core::Json::array();
  for (const int token : tokens) part.push(token);
  return part;
}

inline core::Json generate_item(const std::vector<int>& prompt, int most, const std::vector<int>& stop = {}) {
  return core::Json::object(
      {{"prompt", tokens_part(prompt)},
       {"ask", core::Json::object({{"kind", "generate"}, {"maxNewTokens", most}, {"stop", tokens_part(stop)}})}});
}

inline core::Json choices_item(const std::vector<int>& prompt, const std::vector<std::vector<int>>& choices) {
  core::Json parts = core::Json::array();
  for (const std::vector<int>& choice : choices) parts.push(tokens_part(choice));
  return core::Json::object(
      {{"prompt", tokens_part(prompt)}, {"ask", core::Json::object({{"kind", "choices"}, {"choices", parts}})}});
}

inline core::Json loss_item(const std::vector<int>& prompt, const std::vector<int>& answer) {
  return core::Json::object({{"prompt", tokens_part(prompt)},
                             {"ask", core::Json::object({{"kind", "loss"}, {"answer", tokens_part(answer)}})}});
}

/// A subject with one coefficient for each of some adapters.
inline core::Json subject_part(const std::string& name, const std::vector<std::pair<int, double>>& terms) {
  core::Json parts = core::Json::array();
  for (const auto& [adapter, coefficient] : terms) {
    parts.push(core::Json::object({{"adapter", adapter}, {"coefficients", coefficient}}));
  }
  return core::Json::object({{"name", name}, {"terms", parts}});
}

/// An evaluation in short.
struct Evaluation {
  std::string model;
  core::Json adapters = core::Json::array();
  core::Json subjects = core::Json::array({subject_part("base", {})});
  core::Json items = core::Json::array();
  std::vector<std::pair<int, int>> work;  ///< empty: every subject with every item
  std::int64_t batch_tokens = 0;
  std::int64_t memory_bytes = 0;
  int threads = 1;
  std::string device = "cpu";
  std::string out_file;

  core::Json request() {
    if (out_file.empty()) out_file = fresh_folder() + "/lines.jsonl";
    core::Json pairs = core::Json::array();
    for (const auto& [subject, item] : work) pairs.push(core::Json::array({subject, item}));
    if (work.empty()) {
      for (std::size_t s = 0; s < subjects.as_array("subjects").size(); ++s) {
        for (std::size_t i = 0; i < items.as_array("items").size(); ++i) pairs.push(core::Json::array({s, i}));
      }
    }
    return core::Json::object({{"model", model},
                               {"device", device},
                               {"threads", threads},
                               {"memoryBytes", memory_bytes},
                               {"batchTokens", batch_tokens},
                               {"adapters", adapters},
                               {"subjects", subjects},
                               {"items", items},
                               {"work", pairs},
                               {"outFile", out_file}});
  }

  core::Json run() {
    core::Progress progress;
    const core::CancelToken cancel;
    return eval::run_evaluate(request(), progress, cancel);
  }
};

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// Subject and item of a line, and the rest of it as text without "seconds".
using Answers = std::map<std::pair<std::int64_t, std::int64_t>, std::string>;

inline Answers answers_of(const std::string& path) {
  Answers answers;
  for (const std::string& line : lines_of(path)) {
    const core::Json json = core::Json::parse(line);
    core::Json rest = core::Json::object({});
    for (const auto& [key, value] : json.as_object("line")) {
      if (key != "seconds" && key != "subject" && key != "item") rest.set(key, value);
    }
    answers[{json.get_int("subject"), json.get_int("item")}] = rest.dump();
  }
  return answers;
}

}  // namespace amalgam::test
