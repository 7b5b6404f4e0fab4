#include "learn/write_factors.h"

#include "core/replace_file.h"
#include "core/safetensors.h"

namespace amalgam::learn {

namespace {

std::string name_in_file(const std::vector<AdapterRequest>& adapters, const WrittenFactor& factor) {
  const model::ModuleRequest& module = adapters[factor.adapter].modules[factor.module];
  const std::string& name = factor.is_b ? module.b : module.a;
  return adapters.size() > 1 ? std::to_string(factor.adapter) + "." + name : name;
}

}  // namespace

void write_factors(const std::string& path, const std::vector<AdapterRequest>& adapters,
                   const std::vector<WrittenFactor>& factors) {
  std::vector<core::TensorPlan> plan;
  for (const WrittenFactor& factor : factors) {
    const model::ModuleRequest& module = adapters[factor.adapter].modules[factor.module];
    plan.push_back({name_in_file(adapters, factor), core::DType::F32,
                    factor.is_b ? std::vector{module.out, module.rank} : std::vector{module.rank, module.in}});
  }
  core::replace_file(path, [&](const std::string& temporary) {
    core::SafetensorsWriter writer(temporary, plan, {{"format", "pt"}});
    for (const WrittenFactor& factor : factors) writer.write_f32(name_in_file(adapters, factor), factor.read().data());
    writer.finish();
  });
}

}  // namespace amalgam::learn
