// The weights of a base model on a device, and what they are called in checkpoints.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "model/config.h"
#include "model/unit_stack.h"
#include "ops/device.h"

namespace amalgam::model {

/// Sides of a linear layer of the model.
struct LinearShape {
  std::int64_t in = 0;
  std::int64_t out = 0;
};
LinearShape linear_shape(const Config& config, Linear linear);

/// "self_attn.q_proj" and so on, as they follow "model.layers.N.".
std::string linear_name(Linear linear);

/// "model.layers.3.mlp.up_proj".
std::string module_name(std::int64_t layer, Linear linear);

struct LayerWeights {
  ops::DeviceArray input_norm;
  std::array<ops::DeviceArray, linears_per_layer> matrices;  ///< out x in
  std::array<ops::DeviceArray, linears_per_layer> biases;    ///< 1 x out; of 0 rows where there is none
  ops::DeviceArray q_norm;                                   ///< 1 x head_dim, Qwen3 only
  ops::DeviceArray k_norm;
  ops::DeviceArray post_norm;
};

struct Weights {
  ops::DeviceArray embedding;  ///< vocabulary x hidden
  std::vector<LayerWeights> layers;
  ops::DeviceArray norm;
  ops::DeviceArray head;  ///< vocabulary x hidden; of 0 rows where the embedding is the head
};

/// Where one tensor of a checkpoint belongs.
struct WeightPlace {
  std::string name;                 ///< without the "model." that most checkpoints have, but for the head
  std::vector<std::int64_t> shape;  ///< as in files: one number for a vector
  ops::DeviceArray* array;

  std::int64_t rows() const { return shape.size() == 2 ? shape[0] : 1; }
  std::int64_t cols() const { return shape.back(); }
  std::int64_t elements() const { return rows() * cols(); }
};

/// Makes the layers of `weights`, without memory, and lists every tensor of the config in the order of the forward
/// pass.
std::vector<WeightPlace> list_weights(const Config& config, Weights& weights);

/// The name of the head's weight.
inline constexpr const char* head_name = "lm_head.weight";

}  // namespace amalgam::model
