#include "model/checkpoint_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/file.h"

namespace amalgam::model {

namespace {

namespace fs = std::filesystem;
using core::Error;
using core::Json;
using core::SafetensorsReader;

constexpr const char* config_name = "config.json";
constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";
constexpr std::uint64_t most_config_bytes = 16 << 20;
constexpr std::uint64_t most_index_bytes = 256 << 20;

bool is_there(const fs::path& path) {
  std::error_code problem;
  return fs::exists(path, problem);
}

/// The JSON of a file, with `code` where it is none or is too long.
Json read_json(const fs::path& path, std::uint64_t most_bytes, const char* code) {
  const core::InputFile file(path.string());
  if (file.size() > most_bytes) {
    throw Error(code, path.filename().string() + " has " + std::to_string(file.size()) + " bytes; at most " +
                          std::to_string(most_bytes) + " are read.")
        .at_path(path.string());
  }
  std::string text(file.size(), '\0');
  file.read(0, text.size(), text.data());
  try {
    return Json::parse(text);
  } catch (const Error& error) {
    throw Error(code, path.filename().string() + " is not valid JSON: " + error.what()).at_path(path.string());
  }
}

/// What a folder without safetensors holds instead.
Error no_weights(const fs::path& folder) {
  constexpr std::array<std::string_view, 5> pickles{".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  std::error_code problem;
  std::string pickle;
  std::string gguf;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    const std::string extension = entry->path().extension().string();
    if (std::ranges::find(pickles, extension) != pickles.end()) pickle = entry->path().filename().string();
    if (extension == ".gguf") gguf = entry->path().filename().string();
  }
  const std::string other = pickle.empty() ? gguf : pickle;
  const std::string found = pickle.empty() ? "in GGUF form" : "as pickle, which can hold programs and is not opened";
  return Error("checkpoint-missing", "The folder has neither " + std::string(single_name) + " nor " + index_name +
                                         (other.empty() ? "." : "; " + other + " holds weights " + found + "."))
      .at_path(folder.string())
      .with_hint("Get the safetensors files of the model, or convert it with its library.");
}

/// File names of an index in the order of their names. They must lie in the folder itself.
std::set<std::string> shard_names(const Json& index, const std::string& path) {
  const Json* map = index.find("weight_map");
  if (map == nullptr || !map->is_object()) {
    throw Error("checkpoint-invalid", std::string(index_name) + " has no weight_map.").at_path(path);
  }
  std::set<std::string> names;
  for (const Json::Member& member : map->as_object("weight_map")) {
    const std::string name = member.second.is_string() ? member.second.as_string("weight_map") : "";
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      throw Error("checkpoint-invalid", "weight_map must name a file of the folder for " + member.first + ", not " +
                                            member.second.dump() + ".")
          .at_path(path);
    }
    names.insert(name);
  }
  if (names.empty()) throw Error("checkpoint-invalid", "weight_map names no file.").at_path(path);
  return names;
}

void open_shards(CheckpointFiles& files, const fs::path& folder) {
  const std::string index_path = (folder / index_name).string();
  const Json index = read_json(index_path, most_index_bytes, "checkpoint-invalid");
  std::unordered_map<std::string, const SafetensorsReader*> by_name;
  const std::set<std::string> names = shard_names(index, index_path);
  std::string missing;
  std::size_t missing_count = 0;
  for (const std::string& name : names) {
    if (is_there(folder / name)) continue;
    if (missing.empty()) missing = name;
    ++missing_count;
  }
  if (missing_count > 0) {
    const std::string more = missing_count > 1 ? ", and " + std::to_string(missing_count - 1) + " more" : "";
    throw Error("checkpoint-missing", missing + " is missing" + more + " of the " + std::to_string(names.size()) +
                                          " files that " + index_name + " names.")
        .at_path((folder / missing).string())
        .with_hint("Finish the download of the model.");
  }
  for (const std::string& name : names) {
    files.files.push_back(std::make_unique<SafetensorsReader>((folder / name).string()));
    by_name.emplace(name, files.files.back().get());
  }
  for (const Json::Member& member : index.find("weight_map")->as_object("weight_map")) {
    files.file_of.emplace(member.first, by_name.at(member.second.as_string("weight_map")));
  }
}

}  // namespace

const SafetensorsReader* CheckpointFiles::find(const std::string& name) const {
  const auto entry = file_of.find(name);
  return entry == file_of.end() ? nullptr : entry->second;
}

Json read_config_file(const std::string& folder) {
  const fs::path path = fs::absolute(folder) / config_name;
  if (!is_there(path)) {
    throw Error("checkpoint-missing", "The folder has no config.json.")
        .at_path(folder)
        .with_hint("Choose the folder of a Hugging Face checkpoint: config.json, tokenizer files and *.safetensors.");
  }
  return read_json(path, most_config_bytes, "config-invalid");
}

CheckpointFiles open_checkpoint_files(const std::string& folder) {
  const fs::path place = fs::absolute(folder);
  CheckpointFiles files;
  files.folder = place.string();
  if (is_there(place / single_name)) {
    files.files.push_back(std::make_unique<SafetensorsReader>((place / single_name).string()));
    for (const core::TensorInfo& tensor : files.files.front()->tensors()) {
      files.file_of.emplace(tensor.name, files.files.front().get());
    }
  } else if (is_there(place / index_name)) {
    open_shards(files, place);
  } else {
    throw no_weights(place);
  }
  return files;
}

}  // namespace amalgam::model
