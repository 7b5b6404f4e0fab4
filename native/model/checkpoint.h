// An open checkpoint: which tensor of which file every weight is. Facts alone are in model.h (read_checkpoint).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "model/model.h"
#include "model/weights.h"

namespace amalgam::model {

/// A weight in its file.
struct StoredWeight {
  const core::SafetensorsReader* file;
  const core::TensorInfo* tensor;
};

struct Checkpoint {
  CheckpointFacts facts;
  std::vector<std::unique_ptr<core::SafetensorsReader>> files;
  std::vector<StoredWeight> weights;  ///< in the order of list_weights(facts.config, ...)
};

/// Opens all files and checks names, shapes and types; reads no numbers. Throws the errors of read_checkpoint.
Checkpoint open_checkpoint(const std::string& folder);

}  // namespace amalgam::model
