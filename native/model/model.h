// A base model on a device and its forward pass over a batch of sequences, each with its own adapters and coefficients.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/progress.h"
#include "model/config.h"
#include "model/unit_stack.h"
#include "ops/device.h"

namespace amalgam::model {

/// One sequence of a batch: tokens at positions past, past + 1, ...
struct Sequence {
  std::span<const std::int32_t> tokens;
  std::int64_t past = 0;   ///< tokens before these, kept in cache slot `slot`
  std::int64_t slot = -1;  ///< -1 for a sequence without a past that nobody goes on with
  /// Whether the cache keeps its new keys and values; several that do not may share a slot's past.
  bool keep = false;
  const UnitStack* units = nullptr;  ///< nullptr for the base model alone
  std::int32_t set = 0;    ///< which of the stack's sets of coefficients
};

/// Keys and values of past tokens for some sequences at a time.
class KvCache {
 public:
  KvCache(ops::Device& device, const Config& config, std::int64_t slots, std::int64_t positions);
  ops::CacheLayer layer(std::int64_t index) const;
  std::int64_t slots() const { return slots_; }
  std::int64_t positions() const { return positions_; }
  static std::size_t planned_bytes(const ops::Device& device, const Config& config, std::int64_t slots,
                                   std::int64_t positions);

 private:
  std::vector<ops::DeviceArray> keys_;
  std::vector<ops::DeviceArray> values_;
  std::int64_t slots_ = 0;
  std::int64_t positions_ = 0;
};

/// Numbers of one type.
struct TypeCount {
  core::DType type = core::DType::F32;
  std::int64_t elements = 0;
};

/// What can be known of a checkpoint folder without reading its numbers.
struct CheckpointFacts {
  Config config;
  core::DType type = core::DType::F32;  ///< of most weights
  std::uint64_t weight_bytes = 0;       ///< of the weights that the model uses, as stored in the files
  std::int64_t parameters = 0;
  std::vector<TypeCount> elements;      ///< of those weights, by stored type
  std::vector<std::string> files;       ///< weight files, absolute
};

/// Reads config.json and the headers of model.safetensors or of the shards that model.safetensors.index.json names.
/// Throws Errors: those of parse_config, "checkpoint-missing" (no weights, pickle only, or a missing shard, named),
/// "checkpoint-invalid" (the index), "tensor-missing", "shape-mismatch" with tensor and shapes, "unknown-dtype",
/// "config-unsupported" for a weight that the family does not know, and those of damaged files.
CheckpointFacts read_checkpoint(const std::string& folder);

class LearnPass;

/// A frozen base model.
class Model {
 public:
  /// Reads every weight once. Progress counts bytes in the stage "loading".
  Model(ops::Device& device, const std::string& folder, core::Progress& progress, const core::CancelToken& cancel);
  /// With random weights of that config, made on the device from the seed, for measuring speed without a checkpoint.
  Model(ops::Device& device, const Config& config, core::DType type, std::uint64_t seed);
  ~Model();

  const Config& config() const;
  ops::Device& device() const;

  /// Final hidden states, normalised, of all tokens of the batch in order (T x hidden); valid until the next call.
  /// Sequences with the same units must stand next to each other. On the processor each sequence's result has the same
  /// bits whatever else is in the batch, on a card it agrees to rounding. `cache` may be null when no sequence has a
  /// slot. Throws std::logic_error for positions past the cache's or the model's end.
  ops::Array forward(std::span<const Sequence> batch, KvCache* cache);

  /// The matrix whose rows give the logits (vocabulary x hidden).
  ops::Array head() const;

  /// Bytes of the weights on the device, and of the working memory for batches of up to `tokens` tokens.
  static std::size_t planned_weight_bytes(const ops::Device& device, const CheckpointFacts& facts);
  /// Memory grows when a larger batch comes, or one at later positions than `positions` (at least 4096 are always
  /// there).
  static std::size_t planned_activation_bytes(const ops::Device& device, const Config& config, std::int64_t tokens,
                                              std::int64_t positions = 0);

 private:
  friend class LearnPass;  // the same weights, another way through them
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace amalgam::model
