#include "merge/tile_source.h"

#include <array>
#include <utility>

#include "ops/gemm.h"

namespace amalgam::merge {

namespace {

lora::RankUnits load_one(const ModuleInputs& module, std::size_t source, const core::CancelToken& cancel,
                         const lora::ReadMeter& meter) {
  const SourceRequest& request = module.request->sources[source];
  const std::array<lora::UnitSource, 1> one{{{module.factors[source], request.adapter, request.scaling}}};
  return lora::load_units(one, {}, cancel, meter);
}

}  // namespace

ModuleUpdates::ModuleUpdates(const ModuleInputs& module, const core::CancelToken& cancel, const lora::ReadMeter& meter)
    : ModuleUpdates(load_module(module, {}, cancel, meter)) {}

ModuleUpdates::ModuleUpdates(const ModuleInputs& module, std::size_t source, const core::CancelToken& cancel,
                             const lora::ReadMeter& meter)
    : ModuleUpdates(load_one(module, source, cancel, meter)) {}

ModuleUpdates::ModuleUpdates(lora::RankUnits units) : units_(std::move(units)) {
  for (std::int64_t u = 0; u < units_.count(); ++u) {
    const auto source = static_cast<std::size_t>(units_.tags[static_cast<std::size_t>(u)].source);
    if (source == sources_.size()) sources_.push_back({u, 0});
    ++sources_[source].rank;
  }
  for (std::int64_t i = 0; i < units_.b.rows(); ++i) {
    float* row = units_.b.row(i);
    for (std::size_t u = 0; u < units_.c.size(); ++u) row[u] = static_cast<float>(units_.c[u] * row[u]);
  }
}

void ModuleUpdates::rows(std::size_t index, std::int64_t first_row, core::MatrixView<float> out,
                         ops::Executor& executor) const {
  const Source& source = sources_[index];
  const core::MatrixView<const float> b =
      units_.b.view().row_range(first_row, out.rows).col_range(source.first_unit, source.rank);
  const core::MatrixView<const float> a = units_.a.view().row_range(source.first_unit, source.rank);
  ops::gemm(executor, ops::strided(b), ops::strided(a), out, ops::Into::overwrite);
}

}  // namespace amalgam::merge
