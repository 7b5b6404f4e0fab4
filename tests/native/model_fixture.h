// Tiny checkpoints and adapters made in a test, and what a model makes of sequences.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/safetensors.h"
#include "merge_fixture.h"
#include "model/model.h"
#include "model/weights.h"
#include "random_matrix.h"
#include "runner.h"

namespace amalgam::test {

inline const core::CancelToken never_cancelled;

/// The config.json of a tiny model of a family, with some fields replaced or added.
inline core::Json config_json(const std::string& model_type, const std::vector<core::Json::Member>& changes = {}) {
  const std::map<std::string, std::string> architectures{{"llama", "LlamaForCausalLM"},
                                                         {"mistral", "MistralForCausalLM"},
                                                         {"qwen2", "Qwen2ForCausalLM"},
                                                         {"qwen3", "Qwen3ForCausalLM"}};
  const auto architecture = architectures.find(model_type);
  core::Json::Object fields{
      {"model_type", model_type},
      {"architectures", core::Json::array({architecture == architectures.end() ? "None" : architecture->second})},
      {"vocab_size", 61},
      {"hidden_size", 32},
      {"intermediate_size", 56},
      {"num_hidden_layers", 2},
      {"num_attention_heads", 4},
      {"num_key_value_heads", 2},
      {"head_dim", 8},
      {"max_position_embeddings", 64},
      {"sliding_window", nullptr},
      {"hidden_act", "silu"}};
  for (const core::Json::Member& change : changes) {
    const auto field = std::ranges::find(fields, change.first, &core::Json::Member::first);
    if (field == fields.end()) {
      fields.push_back(change);
    } else {
      field->second = change.second;
    }
  }
  return core::Json(std::move(fields));
}

/// The weights of a checkpoint by name in files.
using WeightMap = std::map<std::string, core::Matrix<float>>;

/// Random weights of that config, rounded to `type`: matrices around 0, norms around 1.
inline WeightMap random_weight_map(const model::Config& config, core::DType type, std::uint64_t seed) {
  WeightMap weights;
  Random random(seed);
  model::Weights unused;
  for (const model::WeightPlace& place : model::list_weights(config, unused)) {
    core::Matrix<float> matrix = random_matrix<float>(random, place.rows(), place.cols());
    const bool is_norm = place.name.find("norm") != std::string::npos;
    for (std::int64_t i = 0; i < matrix.size(); ++i) {
      matrix.data()[i] = is_norm ? 1 + 0.2f * matrix.data()[i] : 0.4f * matrix.data()[i];
    }
    std::vector<std::byte> stored(static_cast<std::size_t>(matrix.size()) * 4);
    core::from_f32(type, matrix.data(), matrix.size(), stored.data());
    core::to_f32(type, stored.data(), matrix.size(), matrix.data());
    weights.emplace(place.name == model::head_name ? place.name : "model." + place.name, std::move(matrix));
  }
  return weights;
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline void write_tensors(const std::string& path, const WeightMap& weights, core::DType type) {
  std::filesystem::remove(path);
  const auto is_vector = [](const core::Matrix<float>& matrix) { return matrix.rows() == 1; };
  std::vector<core::TensorPlan> plan;
  for (const auto& [name, matrix] : weights) {
    const std::vector<std::int64_t> sides{matrix.rows(), matrix.cols()};
    plan.push_back({name, type, is_vector(matrix) ? std::vector{matrix.cols()} : sides});
  }
  core::SafetensorsWriter writer(path, plan, {});
  for (const auto& [name, matrix] : weights) writer.write_f32(name, matrix.data());
  writer.finish();
}

/// A checkpoint folder with one weights file.
inline std::string write_checkpoint(const core::Json& config, const WeightMap& weights, core::DType type) {
  const std::string folder = fresh_folder();
  write_text(folder + "/config.json", config.dump());
  write_tensors(folder + "/model.safetensors", weights, type);
  return folder;
}

/// The same with random weights.
inline std::string write_checkpoint(const core::Json& config, core::DType type = core::DType::F32,
                                    std::uint64_t seed = 1) {
  return write_checkpoint(config, random_weight_map(model::parse_config(config), type, seed), type);
}

inline std::unique_ptr<model::Model> load_model(ops::Device& device, const std::string& folder) {
  core::Progress progress;
  return std::make_unique<model::Model>(device, folder, progress, never_cancelled);
}

/// Hidden states of a batch on the host, one vector per sequence.
inline std::vector<std::vector<float>> run_batch(model::Model& model, const std::vector<model::Sequence>& batch,
                                                 model::KvCache* cache = nullptr) {
  const ops::Array hidden = model.forward(batch, cache);
  std::vector<std::byte> stored(ops::array_bytes(hidden.type, hidden.rows, hidden.cols));
  model.device().download(stored.data(), hidden.data, stored.size());
  std::vector<float> numbers(static_cast<std::size_t>(hidden.rows * hidden.cols));
  core::to_f32(hidden.type, stored.data(), hidden.rows * hidden.cols, numbers.data());
  std::vector<std::vector<float>> of_sequences;
  auto place = numbers.begin();
  for (const model::Sequence& sequence : batch) {
    const auto end = place + static_cast<std::ptrdiff_t>(sequence.tokens.size()) * hidden.cols;
    of_sequences.emplace_back(place, end);
    place = end;
  }
  return of_sequences;
}

inline std::vector<std::int32_t> random_tokens(Random& random, std::int64_t count, std::int64_t vocabulary) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(random.integer(0, vocabulary - 1)));
  }
  return tokens;
}

/// ||actual - expected|| / ||expected||
inline double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  CHECK_EQ(actual.size(), expected.size());
  double difference = 0;
  double length = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += (double{actual[i]} - expected[i]) * (double{actual[i]} - expected[i]);
    length += double{expected[i]} * expected[i];
  }
  return std::sqrt(difference / length);
}

/// An adapter with factors for some linear layers of the config.
inline Adapter random_adapter(Random& random, const model::Config& config, std::int64_t rank,
                              const std::vector<model::Linear>& linears) {
  Adapter adapter{{}, 0.5, core::DType::F32};
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const model::Linear linear : linears) {
      const model::LinearShape shape = model::linear_shape(config, linear);
      adapter.modules[model::module_name(layer, linear)] =
          random_factors(random, shape.out, shape.in, rank, adapter.dtype);
    }
  }
  return adapter;
}

/// Adapters written to files and opened, as a stack takes them.
struct OpenAdapters {
  std::vector<std::unique_ptr<core::SafetensorsReader>> files;
  std::vector<model::StackedAdapter> adapters;

  void add(const std::string& name, const Adapter& adapter, const std::string& path) {
    files.push_back(std::make_unique<core::SafetensorsReader>(path));
    model::StackedAdapter& stacked = adapters.emplace_back(model::StackedAdapter{name, {}});
    for (const auto& [module, factors] : adapter.modules) {
      stacked.modules.push_back(
          {module, lora::find_factors(*files.back(), a_name(module), b_name(module), factors.a.rows()),
           adapter.scaling});
    }
  }
  void add(const std::string& name, const Adapter& adapter) {
    const std::string path = fresh_folder() + "/adapter.safetensors";
    write_adapter(path, adapter);
    add(name, adapter, path);
  }
  /// The same coefficient for all modules of each adapter.
  model::Coefficients coefficients(const std::vector<double>& of_adapters) const {
    model::Coefficients result;
    for (std::size_t a = 0; a < adapters.size(); ++a) {
      result.emplace_back(adapters[a].modules.size(), of_adapters[a]);
    }
    return result;
  }
};

/// Adds coefficient * scaling * B A to the weights that the adapter targets.
inline void fold(WeightMap& weights, const Adapter& adapter, double coefficient) {
  for (const auto& [module, factors] : adapter.modules) {
    core::Matrix<float>& w = weights.at(module + ".weight");
    for (std::int64_t i = 0; i < w.rows(); ++i) {
      for (std::int64_t j = 0; j < w.cols(); ++j) {
        double sum = 0;
        for (std::int64_t r = 0; r < factors.a.rows(); ++r) sum += double{factors.b(i, r)} * factors.a(r, j);
        w(i, j) = static_cast<float>(w(i, j) + coefficient * adapter.scaling * sum);
      }
    }
  }
}

}  // namespace amalgam::test
