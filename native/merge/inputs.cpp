#include "merge/inputs.h"

#include <string>
#include <utility>

#include "core/error.h"

namespace amalgam::merge {

namespace {

void check_fits(const lora::FactorPair& pair, const ModuleRequest& module) {
  const auto check = [&](const core::TensorInfo& tensor, std::int64_t found, std::int64_t expected, const char* side) {
    if (found == expected) return;
    throw core::Error("shape-mismatch", "The factor's " + std::string(side) + " size is " + std::to_string(found) +
                                            "; module " + module.name + " has " + std::to_string(expected) + ".")
        .at_path(pair.file->path())
        .at_tensor(tensor.name);
  };
  check(*pair.a, pair.in(), module.in, "input");
  check(*pair.b, pair.out(), module.out, "output");
}

}  // namespace

std::int64_t ModuleInputs::stacked_rank() const {
  std::int64_t rank = 0;
  for (const lora::FactorPair& pair : factors) rank += pair.rank();
  return rank;
}

std::uint64_t ModuleInputs::file_bytes() const {
  std::uint64_t bytes = 0;
  for (const lora::FactorPair& pair : factors) bytes += pair.file_bytes();
  return bytes;
}

std::uint64_t Inputs::file_bytes() const {
  std::uint64_t bytes = 0;
  for (const ModuleInputs& module : modules) bytes += module.file_bytes();
  return bytes;
}

void Inputs::check_unchanged() const {
  for (const auto& file : files) file->check_unchanged();
}

Inputs open_inputs(const MergeRequest& request) {
  Inputs inputs;
  for (const std::string& path : request.weights_files) {
    inputs.files.push_back(std::make_unique<core::SafetensorsReader>(path));
  }
  for (const ModuleRequest& module : request.modules) {
    ModuleInputs found{&module, {}};
    for (const SourceRequest& source : module.sources) {
      const core::SafetensorsReader& file = *inputs.files[static_cast<std::size_t>(source.adapter)];
      found.factors.push_back(lora::find_factors(file, source.a, source.b, source.rank));
      check_fits(found.factors.back(), module);
    }
    inputs.modules.push_back(std::move(found));
  }
  return inputs;
}

lora::RankUnits load_module(const ModuleInputs& module, lora::RankUnits spare, const core::CancelToken& cancel,
                            const lora::ReadMeter& meter) {
  std::vector<lora::UnitSource> sources;
  for (std::size_t i = 0; i < module.factors.size(); ++i) {
    const SourceRequest& source = module.request->sources[i];
    sources.push_back({module.factors[i], source.adapter, source.scaling});
  }
  return lora::load_units(sources, std::move(spare), cancel, meter);
}

}  // namespace amalgam::merge
