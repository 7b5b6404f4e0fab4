// What the benchmarks of whole models share: random models of known sizes, the time of their matrix products, and
// medians.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "model/config.h"
#include "ops/device.h"

namespace amalgam::tools {

/// "125m", "1b" (Llama 3.2 1B) or "8b" (Llama 3.1 8B). Throws Error "request-invalid" for another.
model::Config config_named(const std::string& name);

/// "F32" or "BF16". Throws Error "request-invalid" for another.
core::DType dtype_named(const std::string& name);

/// A linear layer of a block, its module's name within the layer included.
struct LinearShape {
  std::string name;
  std::int64_t in = 0;
  std::int64_t out = 0;
};
std::vector<LinearShape> block_shapes(const model::Config& config);

/// Numbers of a block's linear layers, and of all blocks and the head.
double block_parameters(const model::Config& config);
double linear_parameters(const model::Config& config);

/// The middle of several runs, after one that does not count.
double median_seconds(ops::Device& device, const std::function<void()>& action);

/// Tokens spread over the vocabulary, the same for the same seed.
std::vector<std::int32_t> token_list(std::int64_t count, std::int64_t vocabulary, std::int64_t seed);

/// Which products of a pass.
enum class Direction { forward, both };

/// Seconds of the linear layers and the head alone, on that many rows, with or without the products that take gradients
/// back. Several layers have weights of their own, so that they come from memory as in a pass.
double products_seconds(ops::Device& device, const model::Config& config, core::DType type, std::int64_t rows,
                        Direction direction);

}  // namespace amalgam::tools
