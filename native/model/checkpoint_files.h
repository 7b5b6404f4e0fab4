// The files of a checkpoint folder, before anything is known of the model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/json.h"
#include "core/safetensors.h"

namespace amalgam::model {

/// The tensors of a checkpoint, whichever of its files they lie in.
struct CheckpointFiles {
  std::string folder;  ///< absolute
  std::vector<std::unique_ptr<core::SafetensorsReader>> files;
  std::unordered_map<std::string, const core::SafetensorsReader*> file_of;  ///< by tensor name

  const core::SafetensorsReader* find(const std::string& name) const;
};

/// Reads config.json. Throws Error "checkpoint-missing" where there is none, "config-invalid" when it is no JSON.
core::Json read_config_file(const std::string& folder);

/// Opens model.safetensors, or the shards named by model.safetensors.index.json. Throws Error "checkpoint-missing"
/// saying what is missing, "checkpoint-invalid" for an index that is none, and the errors of damaged files.
CheckpointFiles open_checkpoint_files(const std::string& folder);

}  // namespace amalgam::model
