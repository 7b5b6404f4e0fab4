#include "learn/starting_factors.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "lora/factors.h"

namespace amalgam::learn {

namespace {

using core::Error;
using core::Matrix;
using core::SafetensorsReader;

void check_factors(const AdapterRequest& adapter, const SafetensorsReader& file) {
  for (const model::ModuleRequest& module : adapter.modules) {
    const lora::FactorPair factors = lora::find_factors(file, module.a, module.b, module.rank);
    if (factors.in() == module.in && factors.out() == module.out) continue;
    throw Error("shape-mismatch", "Adapter " + adapter.name + ": the factors of " + module.name +
                                      " are for a matrix of " + std::to_string(factors.out()) + " x " +
                                      std::to_string(factors.in()) + ", not " + std::to_string(module.out) + " x " +
                                      std::to_string(module.in) + ".")
        .at_path(file.path())
        .at_tensor(module.a);
  }
}

Error invalid_mask(const AdapterRequest& adapter, const model::ModuleRequest& module, const std::string& what) {
  return Error("mask-invalid", "The mask of the adapter " + adapter.name + " for " + module.name + " " + what + ".")
      .at_path(adapter.mask_file)
      .at_tensor(module.b);
}

void check_mask(const AdapterRequest& adapter, const SafetensorsReader& file) {
  for (const model::ModuleRequest& module : adapter.modules) {
    const core::TensorInfo* tensor = file.find(module.b);
    if (tensor == nullptr) throw invalid_mask(adapter, module, "is missing");
    if (tensor->dtype != core::DType::U8 && tensor->dtype != core::DType::BOOL) {
      throw invalid_mask(adapter, module, "holds " + std::string(core::dtype_name(tensor->dtype)) + ", not U8 or BOOL");
    }
    if (tensor->shape != std::vector{module.out, module.rank}) {
      throw invalid_mask(adapter, module, "does not have the shape " + std::to_string(module.out) + " x " +
                                              std::to_string(module.rank) + " of B");
    }
  }
}

Matrix<float> read_factor(const AdapterRequest& adapter, const SafetensorsReader& file, const std::string& name) {
  const core::TensorInfo& tensor = file.at(name);
  Matrix<float> numbers(tensor.rows(), tensor.row_length());
  file.read_f32(tensor, numbers.data());
  const std::int64_t index = lora::first_non_finite(numbers.data(), numbers.size());
  if (index == numbers.size()) return numbers;
  const Error error = lora::not_finite(file, tensor, index, numbers.data()[index]);
  throw Error(error.code, "The adapter " + adapter.name + " cannot be used. " + error.what())
      .at_path(error.path)
      .at_tensor(error.tensor)
      .with_hint(error.hint);
}

Matrix<float> fresh_a(const AdapterRequest& adapter, const model::ModuleRequest& module, std::uint64_t seed) {
  Matrix<float> a(module.rank, module.in);
  core::RandomStream random(seed, "factor " + adapter.key + " " + module.name);
  const double bound = 1 / std::sqrt(static_cast<double>(module.in));
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double number = adapter.fresh.is_normal
                              ? adapter.fresh.deviation * random.normal_at(static_cast<std::uint64_t>(i))
                              : bound * (2 * random.next_uniform() - 1);
    a.data()[i] = static_cast<float>(number);
  }
  return a;
}

}  // namespace

StartingFactors::StartingFactors(const std::vector<AdapterRequest>& adapters, std::uint64_t seed)
    : adapters_(adapters), seed_(seed) {
  for (const AdapterRequest& adapter : adapters) {
    Files& files = files_.emplace_back();
    if (!adapter.weights_file.empty()) {
      files.weights = std::make_unique<SafetensorsReader>(adapter.weights_file);
      check_factors(adapter, *files.weights);
    }
    if (!adapter.mask_file.empty()) {
      files.mask = std::make_unique<SafetensorsReader>(adapter.mask_file);
      check_mask(adapter, *files.mask);
    }
  }
}

std::vector<std::uint8_t> StartingFactors::mask_at(std::size_t adapter, const model::ModuleRequest& module) const {
  if (!files_[adapter].mask) return {};
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(module.out * module.rank));
  const SafetensorsReader& file = *files_[adapter].mask;
  file.read_raw(file.at(module.b), 0, mask.size(), mask.data());
  if (std::ranges::all_of(mask, [](std::uint8_t entry) { return entry <= 1; })) return mask;
  throw invalid_mask(adapters_[adapter], module, "holds numbers other than 0 and 1");
}

model::FactorValues StartingFactors::at(std::size_t adapter, std::size_t module) const {
  const AdapterRequest& request = adapters_[adapter];
  const model::ModuleRequest& part = request.modules[module];
  std::vector<std::uint8_t> mask = mask_at(adapter, part);
  if (const auto& file = files_[adapter].weights) {
    return {read_factor(request, *file, part.a), read_factor(request, *file, part.b), std::move(mask)};
  }
  return {fresh_a(request, part, seed_), Matrix<float>(part.out, part.rank), std::move(mask)};
}

void StartingFactors::check_unchanged() const {
  for (const Files& files : files_) {
    if (files.weights) files.weights->check_unchanged();
    if (files.mask) files.mask->check_unchanged();
  }
}

}  // namespace amalgam::learn
