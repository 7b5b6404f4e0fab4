// How fast adapters and coefficients are learned on a device, against what the base model's products alone allow.
#pragma once

#include <cstdint>
#include <string>

#include "core/json.h"

namespace amalgam::tools {

struct LearnBench {
  std::string device = "cpu";
  std::string config = "125m";  ///< "125m", "1b" or "8b"
  std::string dtype = "F32";    ///< of the weights: "F32" or "BF16"
  std::int64_t tokens = 256;    ///< of a sequence
  std::int64_t batch = 2;       ///< sequences of a step
  std::int64_t rank = 16;       ///< of the trained adapter, on all linear layers
  std::int64_t adapters = 4;    ///< whose coefficients are tuned
  int threads = 2;
};

/// With random weights made on the device; every token is judged. A step of training is forward and backward through
/// one adapter, the norm of its gradients and AdamW; a step of tuning is forward and backward with frozen adapters, the
/// gradients of all units' coefficients brought to the host and coefficients brought back. Both with all activations
/// kept, and with layers computed once more; training also with dropout 0.1. The tuned adapters share the rank of the
/// trained one, so that both learn through as many units; "wideTuning" gives each of them that rank. The bound is the
/// time of the linear layers and the head alone, forward and backward, on as many rows.
/// { "device", "config", "dtype", "tokens", "batch", "rank", "adapters", "threads",
///   "boundTokensPerSecond", "boundGflops": rate of those products,
///   "training", "trainingRecomputed", "droppedTraining", "tuning", "tuningRecomputed", "wideTuning":
///     { "tokensPerSecond", "ofBound", "gflopPerToken": of all matrix products but attention's,
///       "bytes": working memory } }
/// Throws Error "request-invalid" for another config or dtype, and the errors of the device.
core::Json bench_learn(const LearnBench& bench);

}  // namespace amalgam::tools
