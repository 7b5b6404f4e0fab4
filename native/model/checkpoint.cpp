#include "model/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/error.h"
#include "model/checkpoint_files.h"

namespace amalgam::model {

namespace {

using core::DType;
using core::Error;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t side : shape) text += (text.empty() ? "" : " x ") + std::to_string(side);
  return text.empty() ? "(one number)" : text;
}

/// The name in files: a checkpoint saved from the inner model alone has no "model." before its names.
std::string stored_name(const std::string& name, const std::string& prefix) {
  return name == head_name ? name : prefix + name;
}

StoredWeight find_weight(const CheckpointFiles& files, const WeightPlace& place, const std::string& name,
                         Family family) {
  const core::SafetensorsReader* file = files.find(name);
  if (file == nullptr) {
    throw Error("tensor-missing", "The checkpoint has no " + name + ", which a " + family_name(family) +
                                      " model of its config.json needs.")
        .at_path(files.folder)
        .at_tensor(name);
  }
  const core::TensorInfo& tensor = file->at(name);
  if (tensor.shape != place.shape) {
    throw Error("shape-mismatch",
                "The weight is " + shape_text(tensor.shape) + "; config.json says " + shape_text(place.shape) + ".")
        .at_path(file->path())
        .at_tensor(name);
  }
  if (tensor.dtype != DType::F32 && tensor.dtype != DType::F16 && tensor.dtype != DType::BF16) {
    throw Error("unknown-dtype", "The weight holds " + std::string(core::dtype_name(tensor.dtype)) +
                                     "; weights must be F32, F16 or BF16.")
        .at_path(file->path())
        .at_tensor(name)
        .with_hint("Quantised checkpoints cannot be used: take the model they were made from.");
  }
  return {file, &tensor};
}

/// Whether a tensor belongs to the part of the model that is computed: a bias or a norm there that the family does not
/// know would change the results.
bool takes_part(const std::string& name, const std::string& prefix, std::int64_t layers) {
  if (name.starts_with("lm_head.")) return true;
  if (!name.starts_with(prefix)) return false;
  const std::string_view inner = std::string_view(name).substr(prefix.size());
  if (inner.starts_with("norm.") || inner.starts_with("embed_tokens.")) return true;
  constexpr std::string_view start = "layers.";
  if (!inner.starts_with(start)) return false;
  std::int64_t layer = -1;
  std::from_chars(inner.data() + start.size(), inner.data() + inner.size(), layer);
  return layer >= 0 && layer < layers && !inner.ends_with(".rotary_emb.inv_freq");
}

void check_strangers(const CheckpointFiles& files, const std::set<std::string>& known, const std::string& prefix,
                     const Config& config) {
  for (const auto& [name, file] : files.file_of) {
    if (known.contains(name) || !takes_part(name, prefix, config.layers)) continue;
    throw Error("config-unsupported", "The checkpoint has " + name + ", which a " + family_name(config.family) +
                                          " model of its config.json does not know.")
        .at_path(file->path())
        .at_tensor(name)
        .with_hint("The weights and config.json are of different models, or the weights are quantised.");
  }
}

void count_weights(CheckpointFacts& facts, const std::vector<StoredWeight>& weights) {
  std::map<DType, std::int64_t> elements;
  for (const StoredWeight& weight : weights) {
    elements[weight.tensor->dtype] += weight.tensor->elements();
    facts.weight_bytes += weight.tensor->end - weight.tensor->begin;
    facts.parameters += weight.tensor->elements();
  }
  for (const auto& [type, count] : elements) facts.elements.push_back({type, count});
  facts.type = std::ranges::max_element(facts.elements, {}, &TypeCount::elements)->type;
}

}  // namespace

Checkpoint open_checkpoint(const std::string& folder) {
  Checkpoint checkpoint;
  Config& config = checkpoint.facts.config;
  try {
    config = parse_config(read_config_file(folder));
  } catch (Error& error) {
    if (error.path.empty()) error.at_path(folder + "/config.json");
    throw;
  }
  CheckpointFiles files = open_checkpoint_files(folder);
  const std::string prefix = files.find("embed_tokens.weight") == nullptr ? "model." : "";
  // As in transformers 5: where a head is there besides the embedding, it is the head, whatever config.json says.
  if (files.find(head_name) != nullptr && files.find(prefix + "embed_tokens.weight") != nullptr) config.tied = false;
  Weights shapes_only;
  std::set<std::string> known;
  for (const WeightPlace& place : list_weights(config, shapes_only)) {
    const std::string name = stored_name(place.name, prefix);
    checkpoint.weights.push_back(find_weight(files, place, name, config.family));
    known.insert(name);
  }
  check_strangers(files, known, prefix, config);
  count_weights(checkpoint.facts, checkpoint.weights);
  for (const auto& file : files.files) checkpoint.facts.files.push_back(file->path());
  checkpoint.files = std::move(files.files);
  return checkpoint;
}

CheckpointFacts read_checkpoint(const std::string& folder) { return open_checkpoint(folder).facts; }

}  // namespace amalgam::model
