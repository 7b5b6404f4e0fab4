#include "eval/stacks.h"

#include <map>
#include <utility>

#include "core/safetensors.h"
#include "lora/factors.h"

namespace amalgam::eval {

namespace {

/// An open adapter with its factors found.
struct OpenAdapter {
  std::unique_ptr<core::SafetensorsReader> file;
  model::StackedAdapter adapter;
};

OpenAdapter open_adapter(const AdapterRequest& request) {
  OpenAdapter open{std::make_unique<core::SafetensorsReader>(request.weights_file), {request.name, {}}};
  for (const model::ModuleRequest& module : request.modules) {
    open.adapter.modules.push_back(
        {module.name, lora::find_factors(*open.file, module.a, module.b, module.rank), module.scaling});
  }
  return open;
}

void check_modules(const AdapterRequest& request, const model::Config& config, const OpenAdapter& open) {
  for (std::size_t m = 0; m < request.modules.size(); ++m) {
    const model::ModuleRequest& module = request.modules[m];
    const lora::FactorPair& factors = open.adapter.modules[m].factors;
    try {
      model::find_module(config, module.name, factors.in(), factors.out());
    } catch (core::Error& error) {
      throw core::Error(error.code, "Adapter " + request.name + ": " + error.what())
          .at_path(request.weights_file)
          .at_tensor(error.tensor)
          .with_hint(error.hint);
    }
    if (factors.in() != module.in || factors.out() != module.out) {
      throw core::Error("shape-mismatch", "Adapter " + request.name + ": the factors of " + module.name +
                                              " are for a matrix of " + std::to_string(factors.out()) + " x " +
                                              std::to_string(factors.in()) + ", not " + std::to_string(module.out) +
                                              " x " + std::to_string(module.in) + ".")
          .at_path(request.weights_file)
          .at_tensor(module.a);
    }
  }
}

/// Bytes of an adapter in a stack: what every set adds, and the rest.
struct AdapterBytes {
  std::size_t units = 0;
  std::size_t per_set = 0;
};

AdapterBytes planned_bytes(const ops::Device& device, const model::StackedAdapter& adapter) {
  const std::size_t one = model::UnitStack::planned_bytes(device, {&adapter, 1}, 1);
  const std::size_t two = model::UnitStack::planned_bytes(device, {&adapter, 1}, 2);
  return {one - (two - one), two - one};
}

}  // namespace

Stacks::Stacks(const Request& request, const model::Config& config, const ops::Device& device,
               const core::CancelToken& cancel)
    : request_(request), config_(config) {
  std::vector<AdapterBytes> adapter_bytes;
  for (const AdapterRequest& adapter : request.adapters) {
    cancel.check();
    const OpenAdapter open = open_adapter(adapter);
    check_modules(adapter, config, open);
    adapter_bytes.push_back(planned_bytes(device, open.adapter));
  }
  std::map<std::vector<std::int32_t>, std::int32_t> stack_of;
  for (const Subject& subject : request.subjects) {
    if (subject.adapters.empty()) {
      places_.emplace_back();
      continue;
    }
    const auto [entry, is_new] =
        stack_of.try_emplace(subject.adapters, static_cast<std::int32_t>(descriptions_.size()));
    if (is_new) descriptions_.push_back({subject.adapters, {}});
    std::vector<model::Coefficients>& sets = descriptions_[static_cast<std::size_t>(entry->second)].sets;
    places_.push_back({entry->second, static_cast<std::int32_t>(sets.size())});
    sets.push_back(subject.coefficients);
  }
  for (const Description& description : descriptions_) {
    std::size_t bytes = 0;
    for (const std::int32_t adapter : description.adapters) {
      const auto [units, per_set] = adapter_bytes[static_cast<std::size_t>(adapter)];
      bytes += units + per_set * description.sets.size();
    }
    bytes_.push_back(bytes);
  }
  expected_.resize(bytes_.size());
  states_.resize(bytes_.size());
}

bool Stacks::fits(std::int32_t stack) const {
  const auto index = static_cast<std::size_t>(stack);
  return states_[index].units || states_[index].failure || loaded_bytes_ == 0 ||
         loaded_bytes_ + bytes_[index] <= most_bytes_;
}

const model::UnitStack* Stacks::load(ops::Device& device, std::int32_t stack, const core::CancelToken& cancel) {
  const auto index = static_cast<std::size_t>(stack);
  State& state = states_[index];
  if (state.units || state.failure) return state.units.get();
  const Description& description = descriptions_[index];
  std::vector<std::unique_ptr<core::SafetensorsReader>> files;
  std::vector<model::StackedAdapter> adapters;
  for (const std::int32_t adapter : description.adapters) {
    OpenAdapter open = open_adapter(request_.adapters[static_cast<std::size_t>(adapter)]);
    files.push_back(std::move(open.file));
    adapters.push_back(std::move(open.adapter));
  }
  try {
    state.units = std::make_unique<model::UnitStack>(device, config_, adapters, description.sets, cancel);
    for (const auto& file : files) file->check_unchanged();
    loaded_bytes_ += bytes_[index];
  } catch (const core::Error& error) {
    if (error.code != "not-finite") throw;
    state.failure = error;
  }
  return state.units.get();
}

void Stacks::done(std::int32_t stack) {
  const auto index = static_cast<std::size_t>(stack);
  if (--expected_[index] > 0 || !states_[index].units) return;
  states_[index].units.reset();
  loaded_bytes_ -= bytes_[index];
}

}  // namespace amalgam::eval
