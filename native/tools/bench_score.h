// How fast a base model scores and decodes on a device, against what its matrix products alone allow.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "core/json.h"

namespace amalgam::tools {

struct ScoreBench {
  std::string device = "cpu";
  std::string config = "125m";  ///< "125m", "1b" or "8b"
  std::string dtype = "F32";    ///< of the weights: "F32" or "BF16"
  std::int64_t tokens = 256;    ///< of a sequence
  std::int64_t batch = 2;       ///< sequences that are scored at once
  int threads = 2;
};

/// With random weights made on the device. Scoring: log-probabilities of all tokens but the first. Decoding: steps of
/// one token after `tokens` tokens each, for 1 and 64 sequences. The bound is the time of the linear layers and the
/// head alone, one after the other on as many rows, which for few rows is the time of reading the weights. { "device",
/// "config", "dtype", "tokens", "batch", "threads", "gflopPerToken": of linear layers and head,
///   "score": { "tokensPerSecond", "boundTokensPerSecond", "ofBound" },
///   "decode": [{ "batch", "tokensPerSecond", "boundTokensPerSecond", "ofBound" }] }
/// Throws Error "request-invalid" for another config or dtype, and the errors of the device.
core::Json bench_score(const ScoreBench& bench);

}  // namespace amalgam::tools
