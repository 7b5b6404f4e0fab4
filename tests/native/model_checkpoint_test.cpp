// Checkpoint folders: one file or shards, what is read of them, and what is refused.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model_fixture.h"
#include "runner.h"
#include "safetensors_files.h"

using namespace amalgam;
using core::DType;
using core::Json;
using model::read_checkpoint;
using test::config_json;
using test::write_checkpoint;

namespace {

namespace fs = std::filesystem;

bool says(const core::Error& error, const std::string& words) {
  return std::string(error.what()).find(words) != std::string::npos;
}

/// A folder with the weights of one in two shards.
std::string write_shards(const Json& config, const test::WeightMap& weights, DType type) {
  const std::string folder = test::fresh_folder();
  test::WeightMap halves[2];
  Json map = Json::object({});
  std::size_t count = 0;
  for (const auto& [name, matrix] : weights) {
    const std::size_t half = count++ % 2;
    halves[half].emplace(name, matrix.copy());
    map.set(name, "model-0000" + std::to_string(half + 1) + "-of-00002.safetensors");
  }
  test::write_text(folder + "/config.json", config.dump());
  test::write_text(folder + "/model.safetensors.index.json", Json::object({{"weight_map", map}}).dump());
  test::write_tensors(folder + "/model-00001-of-00002.safetensors", halves[0], type);
  test::write_tensors(folder + "/model-00002-of-00002.safetensors", halves[1], type);
  return folder;
}

test::WeightMap weights_of(const Json& config, DType type = DType::F32) {
  return test::random_weight_map(model::parse_config(config), type, 1);
}

/// A checkpoint whose weights were changed.
template <typename Change>
std::string changed(const Json& config, Change change) {
  test::WeightMap weights = weights_of(config);
  change(weights);
  return write_checkpoint(config, weights, DType::F32);
}

}  // namespace

TEST("facts of a checkpoint: type, bytes, parameters, files") {
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    const Json config = config_json("qwen3");
    const std::string folder = write_checkpoint(config, type);
    const model::CheckpointFacts facts = read_checkpoint(folder);
    std::int64_t parameters = 0;
    for (const auto& [name, matrix] : weights_of(config)) parameters += matrix.size();
    CHECK_EQ(facts.parameters, parameters);
    CHECK(facts.type == type);
    CHECK_EQ(facts.weight_bytes, static_cast<std::uint64_t>(parameters) * (type == DType::F32 ? 4 : 2));
    CHECK(facts.files == std::vector<std::string>{fs::absolute(folder + "/model.safetensors").string()});
    CHECK_EQ(facts.elements.size(), 1u);
    CHECK_EQ(facts.elements[0].elements, parameters);
    CHECK(facts.config.family == model::Family::qwen3);
  }
}

TEST("shards give the same model as one file, and a missing one is named") {
  const Json config = config_json("llama");
  const test::WeightMap weights = weights_of(config);
  const std::string one = write_checkpoint(config, weights, DType::F32);
  const std::string two = write_shards(config, weights, DType::F32);
  CHECK_EQ(read_checkpoint(two).files.size(), 2u);
  CHECK_EQ(read_checkpoint(two).weight_bytes, read_checkpoint(one).weight_bytes);
  const auto device = ops::open_device("cpu", 2, test::never_cancelled);
  const std::vector<std::int32_t> tokens{1, 2, 3, 60};
  const std::vector<model::Sequence> batch{{.tokens = tokens}};
  CHECK(test::run_batch(*test::load_model(*device, one), batch) ==
        test::run_batch(*test::load_model(*device, two), batch));
  fs::remove(two + "/model-00002-of-00002.safetensors");
  const core::Error error = CHECK_ERROR("checkpoint-missing", read_checkpoint(two));
  CHECK(says(error, "model-00002-of-00002.safetensors is missing"));
  CHECK_EQ(error.path, fs::absolute(two).string() + "/model-00002-of-00002.safetensors");
}

TEST("folders without weights are refused with what they hold instead") {
  const std::string folder = test::fresh_folder();
  CHECK(says(CHECK_ERROR("checkpoint-missing", read_checkpoint(folder)), "config.json"));
  CHECK_ERROR("checkpoint-missing", read_checkpoint(folder + "/not there"));
  test::write_text(folder + "/config.json", config_json("llama").dump());
  CHECK(says(CHECK_ERROR("checkpoint-missing", read_checkpoint(folder)), "neither"));
  test::write_text(folder + "/model.gguf", "x");
  CHECK(says(CHECK_ERROR("checkpoint-missing", read_checkpoint(folder)), "GGUF"));
  test::write_text(folder + "/pytorch_model.bin", "x");
  const core::Error error = CHECK_ERROR("checkpoint-missing", read_checkpoint(folder));
  CHECK(says(error, "pytorch_model.bin holds weights as pickle"));
  test::write_text(folder + "/config.json", "{");
  CHECK(says(CHECK_ERROR("config-invalid", read_checkpoint(folder)), "config.json is not valid JSON"));
  test::write_text(folder + "/config.json", config_json("gpt2").dump());
  CHECK_EQ(CHECK_ERROR("architecture-unknown", read_checkpoint(folder)).path, folder + "/config.json");
}

TEST("an index must name files of its folder") {
  const std::string folder = test::fresh_folder();
  test::write_text(folder + "/config.json", config_json("llama").dump());
  const std::string index = folder + "/model.safetensors.index.json";
  for (const std::string name : {"../a.safetensors", "/etc/passwd", "..", ""}) {
    test::write_text(index, Json::object({{"weight_map", Json::object({{"lm_head.weight", name}})}}).dump());
    CHECK(says(CHECK_ERROR("checkpoint-invalid", read_checkpoint(folder)), "lm_head.weight"));
  }
  for (const char* text : {"[]", "{", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": 1}}"}) {
    test::write_text(index, text);
    CHECK_EQ(CHECK_ERROR("checkpoint-invalid", read_checkpoint(folder)).path, fs::absolute(index).string());
  }
}

TEST("weights that are missing, of another shape or of another type are named") {
  const Json config = config_json("llama");
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  const core::Error missing =
      CHECK_ERROR("tensor-missing", read_checkpoint(changed(config, [&](auto& weights) { weights.erase(name); })));
  CHECK_EQ(missing.tensor, name);
  CHECK(says(missing, name));
  const core::Error shape = CHECK_ERROR("shape-mismatch", read_checkpoint(changed(config, [&](auto& weights) {
                                          weights[name] = core::Matrix<float>(56, 31);
                                        })));
  CHECK(says(shape, "56 x 31") && says(shape, "56 x 32"));
  CHECK_EQ(shape.tensor, name);
  const std::string whole = test::fresh_folder();
  test::write_text(whole + "/config.json", config_json("llama", {{"vocab_size", 1}, {"hidden_size", 2}}).dump());
  const std::string header = R"({"model.embed_tokens.weight":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]}})";
  test::write_text(whole + "/model.safetensors", test::length_prefix(header.size()) + header + std::string(8, '\0'));
  CHECK(says(CHECK_ERROR("unknown-dtype", read_checkpoint(whole)), "I32"));
}

TEST("a truncated file is refused before anything is read") {
  const std::string folder = write_checkpoint(config_json("llama"));
  const std::string path = folder + "/model.safetensors";
  fs::resize_file(path, fs::file_size(path) - 1);
  CHECK_EQ(CHECK_ERROR("tensor-offsets-invalid", read_checkpoint(folder)).path, fs::absolute(path).string());
}

TEST("a weight that the family does not know is refused; tensors of no part of it are left alone") {
  const Json config = config_json("mistral");
  const std::string bias = "model.layers.0.self_attn.q_proj.bias";
  for (const std::string& name : {bias, std::string("lm_head.bias"), std::string("model.norm.bias")}) {
    const core::Error error = CHECK_ERROR("config-unsupported", read_checkpoint(changed(config, [&](auto& weights) {
                                            weights[name] = core::Matrix<float>(1, 32);
                                          })));
    CHECK_EQ(error.tensor, name);
  }
  const std::string folder = changed(config, [](auto& weights) {
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = core::Matrix<float>(1, 4);
    weights["model.layers.2.extra"] = core::Matrix<float>(1, 4);
    weights["vision.patch"] = core::Matrix<float>(1, 4);
  });
  CHECK_EQ(read_checkpoint(folder).config.layers, 2);
}

TEST("a tied model needs no head; one that is there is used all the same") {
  const Json tied = config_json("llama", {{"tie_word_embeddings", true}});
  const Json untied = config_json("llama");
  const std::string without = write_checkpoint(tied);
  CHECK(read_checkpoint(without).config.tied);
  test::WeightMap weights = weights_of(untied);
  CHECK(!read_checkpoint(write_checkpoint(tied, weights, DType::F32)).config.tied);
  weights.erase("lm_head.weight");
  CHECK_EQ(CHECK_ERROR("tensor-missing", read_checkpoint(write_checkpoint(untied, weights, DType::F32))).tensor,
           "lm_head.weight");
  const auto device = ops::open_device("cpu", 1, test::never_cancelled);
  const auto model = test::load_model(*device, without);
  CHECK_EQ(model->head().rows, 61);
  CHECK_EQ(model->head().cols, 32);
}

TEST("names without the outer model's prefix are found") {
  const Json config = config_json("qwen2", {{"tie_word_embeddings", true}});
  test::WeightMap bare;
  const std::size_t prefix = std::string("model.").size();
  for (const auto& [name, matrix] : weights_of(config)) bare.emplace(name.substr(prefix), matrix.copy());
  CHECK_EQ(read_checkpoint(write_checkpoint(config, bare, DType::F32)).parameters,
           read_checkpoint(write_checkpoint(config)).parameters);
}
