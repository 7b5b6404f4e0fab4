// Steps the factors that are trained, on their device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "learn/request.h"
#include "model/learn_units.h"
#include "ops/device.h"

namespace amalgam::learn {

/// Two numbers for each entry of every trained factor, beside it on the device: AdamW's moments, 0 at the start.
class FactorOptimiser {
 public:
  FactorOptimiser(ops::Device& device, const model::LearnUnits& units);

  /// The squared norm of every trained factor's gradient, masked entries left out.
  std::vector<double> squared_norms() const;

  /// One step of all factors: step number t (from 1), the schedule's factor on the rates. Clips by these norms.
  void step(std::int64_t t, double rate_factor, const OptimiserRequest& request,
            const std::vector<double>& squared_norms);

  /// For checkpoints: the moments of one factor as they are, and back.
  struct Moments {
    core::Matrix<float> m;
    core::Matrix<float> v;
  };
  Moments moments(std::size_t factor) const;
  void restore(std::size_t factor, const Moments& moments);

  std::int64_t entries() const;  ///< of all trained factors, masked ones included
  /// Bytes on the device for one entry.
  static std::size_t bytes_per_entry(const ops::Device& device);

 private:
  ops::Device& device_;
  const model::LearnUnits& units_;
  std::vector<ops::DeviceArray> m_;
  std::vector<ops::DeviceArray> v_;
};

/// What gradients of these squared norms are multiplied with: min(1, clip_norm / (norm of all + 1e-6)), or each by its
/// own norm; 1 where clip_norm is 0.
std::vector<double> clip_scales(const std::vector<double>& squared_norms, double clip_norm, bool clips_each);

}  // namespace amalgam::learn
