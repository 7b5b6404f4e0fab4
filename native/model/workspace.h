// The working memory of a forward pass: one block, sized for the largest batch that came.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/config.h"
#include "ops/device.h"

namespace amalgam::model {

/// Activations of T tokens. The projections of attention and those of the MLP share their memory, since one are done
/// with before the others begin.
struct Activations {
  ops::Array residual;  ///< T x hidden
  ops::Array normed;    ///< T x hidden
  ops::Array q;         ///< T x (heads * head_dim)
  ops::Array k;         ///< T x (kv_heads * head_dim)
  ops::Array v;
  ops::Array attended;  ///< as q
  ops::Array gate;      ///< T x intermediate
  ops::Array up;
};

class Workspace {
 public:
  /// Activations for `tokens` tokens, of any value. What an earlier call returned is no longer valid.
  Activations take(ops::Device& device, const Config& config, std::int64_t tokens);

  /// What take allocates for that many.
  static std::size_t planned_bytes(const ops::Device& device, const Config& config, std::int64_t tokens);

 private:
  ops::DeviceBuffer memory_;
};

}  // namespace amalgam::model
