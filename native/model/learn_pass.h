// Forward and backward through a frozen base model with rank units that are learned (ENGINE.md D.4, D.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/learn_units.h"
#include "model/model.h"
#include "ops/device.h"

namespace amalgam::model {

/// One sequence, from position 0 on. The spans have one element per token.
struct LearnSequence {
  std::span<const std::int32_t> tokens;
  std::span<const std::int32_t> targets;  ///< the token that should follow; read only where the weight is not 0
  std::span<const float> weights;         ///< of this token's value in the sum whose gradient is taken; 0: not judged
  std::uint64_t dropout_key = 0;          ///< its masks follow from it, the adapter and the module
};

/// What a pass keeps for its backward half: every activation, or only the inputs of the layers, which are then computed
/// once more. Both give the same bits.
enum class Keep { activations, layer_inputs };

class LearnPass {
 public:
  LearnPass(Model& model, LearnUnits& units, Keep keep);
  ~LearnPass();

  /// The objective's value at every token of the batch, in order, 0 where it is not judged; the gradient of
  /// sum weight * value is added to those of the units. With dropout.
  std::vector<double> learn(std::span<const LearnSequence> batch, ops::TokenObjective objective);
  /// The values alone, without dropout; changes no gradient.
  std::vector<double> measure(std::span<const LearnSequence> batch, ops::TokenObjective objective);

  /// Bytes of the working memory for batches of up to `tokens` tokens, the units themselves not included.
  static std::size_t planned_bytes(const ops::Device& device, const Config& config,
                                   std::span<const LearnAdapter> adapters, std::int64_t tokens, Keep keep);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace amalgam::model
