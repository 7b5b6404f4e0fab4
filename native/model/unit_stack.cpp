#include "model/unit_stack.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "model/weights.h"

namespace amalgam::model {

namespace {

using core::DType;
using core::Error;

/// A module of an adapter that belongs to one linear layer.
struct Source {
  std::size_t adapter;
  std::size_t module;
};
using SourcesOfParts = std::vector<std::vector<Source>>;

std::size_t part_index(std::int64_t layer, Linear linear) {
  return static_cast<std::size_t>(layer * linears_per_layer) + static_cast<std::size_t>(linear);
}

std::string sides(std::int64_t in, std::int64_t out) { return std::to_string(in) + " to " + std::to_string(out); }

Error other_base(const std::string& name, const std::string& what) {
  return Error("adapter-other-base", name + " " + what + ".")
      .at_tensor(name)
      .with_hint("Evaluate the adapter on the base model that it was trained on.");
}

SourcesOfParts sort_by_part(const Config& config, std::span<const StackedAdapter> adapters) {
  SourcesOfParts parts(static_cast<std::size_t>(config.layers * linears_per_layer));
  for (std::size_t a = 0; a < adapters.size(); ++a) {
    for (std::size_t m = 0; m < adapters[a].modules.size(); ++m) {
      const StackedModule& module = adapters[a].modules[m];
      try {
        const ModulePlace place = find_module(config, module.name, module.factors.in(), module.factors.out());
        parts[part_index(place.layer, place.linear)].push_back({a, m});
      } catch (const Error& error) {
        throw Error(error.code, "The adapter " + adapters[a].name + " is of another base model: " + error.what())
            .at_path(module.factors.file->path())
            .at_tensor(module.name)
            .with_hint(error.hint);
      }
    }
  }
  return parts;
}

/// Reads and checks the factors of one part. A number that is not finite is refused in the name of its adapter.
lora::RankUnits read_units(std::span<const StackedAdapter> adapters, const std::vector<Source>& sources,
                           lora::RankUnits spare, const core::CancelToken& cancel) {
  std::vector<lora::UnitSource> factors;
  for (const Source& source : sources) {
    factors.push_back({adapters[source.adapter].modules[source.module].factors, static_cast<int>(source.adapter), 1.0});
  }
  try {
    return lora::load_units(factors, std::move(spare), cancel, [](std::uint64_t) {});
  } catch (const Error& error) {
    if (error.code != "not-finite") throw;
    std::string name;
    for (const Source& source : sources) {
      const bool is_it = adapters[source.adapter].modules[source.module].factors.file->path() == error.path;
      if (is_it && name.empty()) name = adapters[source.adapter].name;
    }
    throw Error(error.code, "The adapter " + name + " cannot be used. " + error.what())
        .at_path(error.path)
        .at_tensor(error.tensor)
        .with_hint(error.hint);
  }
}

ops::DeviceArray put(ops::Device& device, DType type, const float* numbers, std::int64_t rows, std::int64_t cols) {
  ops::DeviceArray array(device, type, rows, cols);
  if (type == DType::F32) {
    device.upload(array.view().data, numbers, array.bytes());
    return array;
  }
  std::vector<std::byte> rounded(array.bytes());
  core::from_f32(type, numbers, rows * cols, rounded.data());
  device.upload(array.view().data, rounded.data(), rounded.size());
  return array;
}

/// sets x R: every unit's coefficient times its scaling.
core::Matrix<float> scales(std::span<const StackedAdapter> adapters, std::span<const Coefficients> sets,
                           const std::vector<Source>& sources, std::int64_t units) {
  core::Matrix<float> c(static_cast<std::int64_t>(sets.size()), units);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    float* row = c.row(static_cast<std::int64_t>(s));
    for (const Source& source : sources) {
      const StackedModule& module = adapters[source.adapter].modules[source.module];
      const auto scale = static_cast<float>(sets[s].at(source.adapter).at(source.module) * module.scaling);
      if (!std::isfinite(scale)) {
        throw Error("coefficient-invalid", "A coefficient of the adapter " + adapters[source.adapter].name + " for " +
                                               module.name + " is no finite number, or too large.");
      }
      for (std::int64_t i = 0; i < module.factors.rank(); ++i) *row++ = scale;
    }
  }
  return c;
}

bool all_zero(const core::Matrix<float>& matrix) {
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    if (matrix.data()[i] != 0) return false;
  }
  return true;
}

}  // namespace

ModulePlace find_module(const Config& config, const std::string& name, std::int64_t in, std::int64_t out) {
  constexpr std::string_view start = "model.layers.";
  std::int64_t layer = -1;
  if (name.starts_with(start)) std::from_chars(name.data() + start.size(), name.data() + name.size(), layer);
  for (int l = 0; l < linears_per_layer; ++l) {
    const auto linear = static_cast<Linear>(l);
    if (layer < 0 || layer >= config.layers || name != module_name(layer, linear)) continue;
    const LinearShape shape = linear_shape(config, linear);
    if (shape.in == in && shape.out == out) return {layer, linear};
    throw other_base(name, "maps " + sides(in, out) + " in the adapter, and " + sides(shape.in, shape.out) +
                               " in this base model");
  }
  throw other_base(name, "(" + sides(in, out) + ") is no linear layer of this base model, which has " +
                             std::to_string(config.layers) + " layers with seven each");
}

UnitStack::UnitStack(ops::Device& device, const Config& config, std::span<const StackedAdapter> adapters,
                     std::span<const Coefficients> sets, const core::CancelToken& cancel)
    : sets_(static_cast<std::int64_t>(sets.size())) {
  const SourcesOfParts sources = sort_by_part(config, adapters);
  lora::RankUnits units;
  for (const std::vector<Source>& of_part : sources) {
    Stored& stored = parts_.emplace_back();
    if (of_part.empty()) continue;
    units = read_units(adapters, of_part, std::move(units), cancel);
    const core::Matrix<float> c = scales(adapters, sets, of_part, units.count());
    stored.a = put(device, device.activations(), units.a.data(), units.a.rows(), units.a.cols());
    stored.b = put(device, device.activations(), units.b.data(), units.b.rows(), units.b.cols());
    stored.c = put(device, DType::F32, c.data(), c.rows(), c.cols());
    stored.is_zero = all_zero(c);
  }
}

UnitStack::Part UnitStack::part(std::int64_t layer, Linear linear) const {
  const Stored& stored = parts_.at(part_index(layer, linear));
  return {stored.a.view(), stored.b.view(), stored.c.view(), stored.is_zero};
}

std::size_t UnitStack::bytes() const {
  std::size_t sum = 0;
  for (const Stored& stored : parts_) sum += stored.a.bytes() + stored.b.bytes() + stored.c.bytes();
  return sum;
}

std::size_t UnitStack::planned_bytes(const ops::Device& device, std::span<const StackedAdapter> adapters,
                                     std::int64_t sets) {
  std::size_t sum = 0;
  for (const StackedAdapter& adapter : adapters) {
    for (const StackedModule& module : adapter.modules) {
      const lora::FactorPair& factors = module.factors;
      sum += ops::array_bytes(device.activations(), factors.rank(), factors.in() + factors.out());
      sum += ops::array_bytes(DType::F32, sets, factors.rank());
    }
  }
  return sum;
}

}  // namespace amalgam::model
