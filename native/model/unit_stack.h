// Rank units of any number of adapters on a device, stacked per target module, with sets of coefficients: what is added
// to the base model's linear layers (ENGINE.md D.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lora/factors.h"
#include "model/config.h"
#include "ops/device.h"

namespace amalgam::model {

/// The linear layers of a block, in the order of the forward pass.
enum class Linear : int { q, k, v, o, gate, up, down };
inline constexpr int linears_per_layer = 7;

/// Place of a target module, "model.layers.3.mlp.up_proj" is (3, up).
struct ModulePlace {
  std::int64_t layer = 0;
  Linear linear = Linear::q;
};

/// Throws Error "adapter-other-base" naming the module and the shapes when `name` is no linear layer of the model or
/// its sides differ from in x out.
ModulePlace find_module(const Config& config, const std::string& name, std::int64_t in, std::int64_t out);

/// One adapter's factors of one target module.
struct StackedModule {
  std::string name;
  lora::FactorPair factors;
  double scaling = 1;
};
struct StackedAdapter {
  std::string name;  ///< for problems
  std::vector<StackedModule> modules;
};

/// One number per adapter of a stack and module of it, without the scaling: coefficient(adapter, module of the
/// adapter).
using Coefficients = std::vector<std::vector<double>>;

/// The units of some adapters and one or more sets of coefficients for them. A row of a batch picks a set.
class UnitStack {
 public:
  /// Reads the factors, checks them (finite, shapes of `config`) and puts them on the device, in the device's
  /// activation type. `sets[s][a][m]` is the coefficient of set s for adapter a in its m-th module.
  UnitStack(ops::Device& device, const Config& config, std::span<const StackedAdapter> adapters,
            std::span<const Coefficients> sets, const core::CancelToken& cancel);

  std::int64_t sets() const { return sets_; }
  std::size_t bytes() const;

  /// The units of one module; a.rows is 0 where no adapter has it, and is_zero says that all its coefficients are 0.
  struct Part {
    ops::Array a;  ///< R x in
    ops::Array b;  ///< out x R
    ops::Array c;  ///< sets x R, coefficient times scaling
    bool is_zero = true;
  };
  Part part(std::int64_t layer, Linear linear) const;

  /// Bytes a stack of these shapes takes on a device.
  static std::size_t planned_bytes(const ops::Device& device, std::span<const StackedAdapter> adapters,
                                   std::int64_t sets);

 private:
  struct Stored {
    ops::DeviceArray a, b, c;
    bool is_zero = true;
  };
  std::int64_t sets_ = 0;
  std::vector<Stored> parts_;  ///< layer * linears_per_layer + linear
};

}  // namespace amalgam::model
