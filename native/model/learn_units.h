// Rank units on a device whose coefficients or factors are learned: like a UnitStack of one set, with gradients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/tensor.h"
#include "model/config.h"
#include "model/unit_stack.h"
#include "ops/device.h"

namespace amalgam::model {

/// One adapter's part of one linear layer.
struct LearnModule {
  std::string name;  ///< "model.layers.0.self_attn.q_proj"
  std::int64_t rank = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;
  double scaling = 1;
};

struct LearnAdapter {
  std::string name;  ///< for problems
  std::vector<LearnModule> modules;
  bool trains_a = false;
  bool trains_b = false;
  float dropout = 0;  ///< of the input of A while learning, in [0, 1)
};

/// The numbers that an adapter begins with in one module.
struct FactorValues {
  core::Matrix<float> a;           ///< rank x in
  core::Matrix<float> b;           ///< out x rank
  std::vector<std::uint8_t> mask;  ///< out * rank of 0 and 1: which entries of b may change; empty for all of them
};
using FactorSource = std::function<FactorValues(std::size_t adapter, std::size_t module)>;

/// A factor that is trained, with what the optimiser needs. All arrays have its shape.
struct TrainedFactor {
  std::size_t adapter;
  std::size_t module;
  bool is_b;
  ops::Array values;    ///< in the device's accumulator type
  ops::Array gradient;  ///< likewise
  ops::Array copy;      ///< what the passes compute with; without data where that is `values`
  ops::Array mask;      ///< U8; without data where every entry is trained
};

/// The units of some adapters, one set of coefficients, and their gradients. Adapters that are frozen and lose nothing
/// to dropout share one group per linear layer, every other one has its own.
class LearnUnits {
 public:
  /// Takes every module's numbers from `source` once. Throws Error "adapter-other-base" and what `source` throws.
  LearnUnits(ops::Device& device, const Config& config, std::vector<LearnAdapter> adapters,
             bool wants_coefficient_gradients, const FactorSource& source, const core::CancelToken& cancel);

  const std::vector<LearnAdapter>& adapters() const { return adapters_; }

  /// Sets the coefficients of an adapter in one module, one per unit or one for all of them, without the scaling. All
  /// are 1 at the start.
  void set_coefficients(std::size_t adapter, std::size_t module, std::span<const double> coefficients);
  /// d loss / d coefficient of every unit of an adapter in one module, the scaling included.
  std::vector<double> coefficient_gradients(std::size_t adapter, std::size_t module) const;
  void zero_gradients();
  /// Before a pass: brings the coefficients to the device.
  void begin_pass();

  /// Factors that are trained, adapter by adapter, module by module, A before B.
  std::span<const TrainedFactor> trained() const { return trained_; }
  /// The present numbers of one factor, trained or not, on the host: rank x in or out x rank.
  core::Matrix<float> factor(std::size_t adapter, std::size_t module, bool is_b) const;

  /// Units that are computed together.
  struct Group {
    ops::Array a;  ///< R x in, in the activation type
    ops::Array b;  ///< out x R
    ops::Array c;  ///< 1 x R in the accumulator type, coefficient times scaling
    ops::Array d_a, d_b, d_c;  ///< gradients, without data where they are not wanted
    float dropout = 0;
    std::size_t adapter = 0;  ///< the first of its adapters
    bool is_zero = false;     ///< all coefficients are 0: nothing is added, and factors have the gradient 0
    bool is_idle = false;     ///< and the coefficients' gradients are not wanted: nothing to compute
  };
  std::span<const Group> groups(std::int64_t layer, Linear linear) const;

  std::size_t bytes() const;
  static std::size_t planned_bytes(const ops::Device& device, std::span<const LearnAdapter> adapters);

 private:
  /// Where the units of one adapter's module are.
  struct Home {
    std::size_t place;  ///< layer * linears_per_layer + linear
    std::size_t group;
    std::int64_t first_unit;    ///< within the group
    std::int64_t coefficient;   ///< of its first unit, within all of them
  };
  class Builder;

  const Home& home(std::size_t adapter, std::size_t module) const;

  ops::Device* device_;
  std::vector<LearnAdapter> adapters_;
  std::vector<TrainedFactor> trained_;
  std::vector<std::vector<Group>> groups_;  ///< layer * linears_per_layer + linear
  std::vector<std::vector<Home>> homes_;    ///< by adapter and module
  std::vector<ops::DeviceArray> memory_;    ///< of factors and masks
  std::vector<double> coefficients_;        ///< of all units, times scaling, as they are to be on the device
  bool has_new_coefficients_ = true;
  ops::DeviceArray device_coefficients_;
  ops::DeviceArray gradients_;              ///< first those of the coefficients where they are wanted, then of factors
  bool wants_coefficient_gradients_;
  mutable std::vector<double> read_gradients_;  ///< of the coefficients since the last pass; empty before they are read
};

}  // namespace amalgam::model
