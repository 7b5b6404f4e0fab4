// What a job that learns leaves on the disk, so that it can go on after a crash as if nothing had happened.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/safetensors.h"
#include "core/tensor.h"

namespace amalgam::learn {

/// Losses may be no numbers, which JSON cannot say.
core::Json finite_or_null(double number);

/// Where learning stands between two steps, but for the numbers that it learns.
struct LearnState {
  std::int64_t step = 0;        ///< steps done
  std::int64_t validated = -1;  ///< the last step with a validation
  double start_loss = std::numeric_limits<double>::quiet_NaN();  ///< of validations
  double last_loss = std::numeric_limits<double>::quiet_NaN();
  double chosen_loss = std::numeric_limits<double>::quiet_NaN();  ///< the least
  std::int64_t chosen_step = 0;
  std::optional<double> first_train_loss;
  std::map<std::int64_t, double> group_starts;
  std::int64_t tokens = 0;
  double seconds = 0;
  std::uint64_t journal_bytes = 0;

  core::Json to_json() const;
  static LearnState from_json(const core::Json& json);
};

/// The name of a trained factor's tensor in a checkpoint.
std::string factor_in_checkpoint(std::size_t adapter, std::size_t module, bool is_b);

/// Numbers of a checkpoint, read when they are written.
struct CheckpointTensor {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::function<core::Matrix<float>()> read;
};

/// A state and its numbers, from the disk.
class SavedCheckpoint {
 public:
  /// Throws Error "checkpoint-invalid" when it belongs to another request or is damaged.
  SavedCheckpoint(const std::string& path, const std::string& request);

  const LearnState& state() const { return state_; }
  /// Throws Error "checkpoint-invalid" unless there is a tensor of that shape.
  core::Matrix<float> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const;

 private:
  core::SafetensorsReader file_;
  LearnState state_;
};

/// The folder of one job's checkpoint, one file that is replaced whole.
class CheckpointFolder {
 public:
  /// Makes the folder. What changes no number of the result (paths of files to be written, memory, threads) is not
  /// compared.
  CheckpointFolder(const std::string& folder, const core::Json& request);

  /// Nothing where there is none yet. Throws Error "checkpoint-invalid".
  std::unique_ptr<SavedCheckpoint> load() const;
  void save(const LearnState& state, const std::vector<CheckpointTensor>& tensors) const;

 private:
  std::string path_;
  std::string request_;
};

}  // namespace amalgam::learn
