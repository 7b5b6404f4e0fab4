#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/replace_file.h"
#include "core/safetensors.h"
#include "learn/learn.h"
#include "lora/factors.h"
#include "lora/request_field.h"

namespace amalgam::learn {

namespace {

using core::Json;
using lora::Field;

struct MaskedModule {
  std::string name;
  std::string b;
  core::Matrix<float> sizes;  ///< |B|
};

struct MaskRequest {
  std::string weights_file;
  std::vector<MaskedModule> modules;
  double sparsity = 0;
  bool is_by_module = false;
  std::string out_file;
};

MaskRequest read_request(const Json& json) {
  const Field root(json, "");
  MaskRequest request;
  request.weights_file = root.at("weightsFile").text();
  for (const Field& module : root.at("modules").some_items()) {
    request.modules.push_back({module.at("name").text(), module.at("b").text(), {}});
  }
  const Field sparsity = root.at("sparsity");
  request.sparsity = sparsity.number();
  if (request.sparsity < 0 || request.sparsity >= 1) throw sparsity.refuse("must be at least 0 and less than 1");
  const std::string& scope = root.at("scope").text();
  if (scope != "adapter" && scope != "module") throw root.at("scope").refuse("must be \"adapter\" or \"module\"");
  request.is_by_module = scope == "module";
  request.out_file = root.at("outFile").text();
  return request;
}

core::Matrix<float> read_sizes(const core::SafetensorsReader& file, const std::string& name) {
  const core::TensorInfo& tensor = file.at(name);
  if (tensor.shape.size() != 2) {
    throw core::Error("shape-mismatch", "The factor is no matrix.").at_path(file.path()).at_tensor(name);
  }
  core::Matrix<float> sizes(tensor.rows(), tensor.row_length());
  file.read_f32(tensor, sizes.data());
  const std::int64_t index = lora::first_non_finite(sizes.data(), sizes.size());
  if (index < sizes.size()) throw lora::not_finite(file, tensor, index, sizes.data()[index]);
  for (std::int64_t i = 0; i < sizes.size(); ++i) sizes.data()[i] = std::abs(sizes.data()[i]);
  return sizes;
}

/// The least size that is kept: that of the int((1 - sparsity) count)-th largest entry; infinity where none is.
float threshold_of(std::vector<float> sizes, double sparsity) {
  const auto kept = static_cast<std::size_t>((1 - sparsity) * static_cast<double>(sizes.size()));
  if (kept == 0) return std::numeric_limits<float>::infinity();
  const auto last = sizes.begin() + static_cast<std::ptrdiff_t>(kept - 1);
  std::nth_element(sizes.begin(), last, sizes.end(), std::greater<>());
  return *last;
}

void append(std::vector<float>& numbers, const core::Matrix<float>& more) {
  numbers.insert(numbers.end(), more.data(), more.data() + more.size());
}

}  // namespace

Json run_sparse_mask(const Json& json, core::Progress& progress, const core::CancelToken& cancel) {
  MaskRequest request = read_request(json);
  const core::SafetensorsReader file(request.weights_file);
  progress.stage("reading", static_cast<std::int64_t>(request.modules.size()), "modules");
  std::vector<float> all;
  std::vector<core::TensorPlan> plan;
  for (MaskedModule& module : request.modules) {
    cancel.check();
    module.sizes = read_sizes(file, module.b);
    plan.push_back({module.b, core::DType::U8, {module.sizes.rows(), module.sizes.cols()}});
    if (!request.is_by_module) append(all, module.sizes);
    progress.advance(1);
  }
  file.check_unchanged();
  const float common = request.is_by_module ? 0 : threshold_of(std::move(all), request.sparsity);

  std::int64_t kept = 0;
  std::int64_t total = 0;
  Json modules = Json::array();
  progress.stage("finalising", static_cast<std::int64_t>(request.modules.size()), "modules");
  core::replace_file(request.out_file, [&](const std::string& temporary) {
    core::SafetensorsWriter writer(temporary, plan, {});
    for (const MaskedModule& module : request.modules) {
      cancel.check();
      float threshold = common;
      if (request.is_by_module) {
        std::vector<float> sizes;
        append(sizes, module.sizes);
        threshold = threshold_of(std::move(sizes), request.sparsity);
      }
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(module.sizes.size()));
      std::transform(module.sizes.data(), module.sizes.data() + module.sizes.size(), mask.begin(),
                     [&](float size) { return static_cast<std::uint8_t>(size >= threshold); });
      writer.write_raw(module.b, mask.data());
      const std::int64_t of_module = std::ranges::count(mask, 1);
      modules.push(Json::object({{"name", module.name}, {"kept", of_module}}));
      kept += of_module;
      total += module.sizes.size();
      progress.advance(1);
    }
    writer.finish();
  });
  return Json::object({{"kept", kept},
                       {"total", total},
                       {"threshold", request.is_by_module || !std::isfinite(common) ? Json() : Json(common)},
                       {"modules", std::move(modules)}});
}

}  // namespace amalgam::learn
