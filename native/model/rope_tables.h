// Cosines and sines of rotary positions.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "ops/device.h"

namespace amalgam::model {

/// The angle per position of each of the head_dim / 2 pairs, computed in float as transformers does.
std::vector<float> rope_frequencies(const Config& config);

/// Tables on a device for positions from 0 on, enlarged when later ones come.
class RopeTables {
 public:
  /// Makes tables for `positions` positions, or keeps larger ones.
  void reserve(ops::Device& device, const Config& config, std::int64_t positions);

  ops::Array cosines() const { return cosines_.view(); }  ///< positions x (head_dim / 2), F32
  ops::Array sines() const { return sines_.view(); }

  /// What reserve takes.
  static std::size_t planned_bytes(const Config& config, std::int64_t positions);

 private:
  ops::DeviceArray cosines_;
  ops::DeviceArray sines_;
};

}  // namespace amalgam::model
