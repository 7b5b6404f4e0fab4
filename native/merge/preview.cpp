#include "merge/preview.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "lora/unit_products.h"
#include "merge/combine.h"
#include "merge/inputs.h"

namespace amalgam::merge {

namespace {

using core::Json;
using core::Matrix;

/// Which modules to look at: all when they fit, else as many as fit of a walk through the list in steps of the golden
/// section, which meets layers (far apart in the list) and kinds of module (close together) evenly. At least one.
std::vector<std::size_t> chosen_modules(const Inputs& inputs, std::uint64_t most_bytes) {
  const std::size_t count = inputs.modules.size();
  std::vector<std::size_t> chosen(count);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (inputs.file_bytes() <= most_bytes) return chosen;
  auto step = static_cast<std::size_t>(0.6180339887 * static_cast<double>(count));
  step = std::max<std::size_t>(step, 1);
  while (std::gcd(step, count) != 1) ++step;
  chosen.clear();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0, place = 0; i < count; ++i, place = (place + step) % count) {
    bytes += inputs.modules[place].file_bytes();
    if (!chosen.empty() && bytes > most_bytes) break;
    chosen.push_back(place);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// gram[i][j] += <DW_i, DW_j> of one module.
void add_products(Matrix<double>& gram, const lora::RankUnits& units, ops::Executor& executor) {
  const Matrix<double> products = lora::unit_products(units, executor);
  for (std::size_t u = 0; u < units.c.size(); ++u) {
    for (std::size_t v = 0; v < units.c.size(); ++v) {
      gram(units.tags[u].adapter, units.tags[v].adapter) +=
          units.c[u] * units.c[v] * products(static_cast<std::int64_t>(u), static_cast<std::int64_t>(v));
    }
  }
}

Json rows_of(const Matrix<double>& gram) {
  Json rows = Json::array();
  for (std::int64_t i = 0; i < gram.rows(); ++i) {
    Json row = Json::array();
    for (std::int64_t j = 0; j < gram.cols(); ++j) row.push(gram(i, j));
    rows.push(std::move(row));
  }
  return rows;
}

}  // namespace

Json run_preview(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const lora::Field root(request, "");
  const MergeRequest job = read_merge_job(root.at("job"));
  const auto most_bytes = static_cast<std::uint64_t>(root.at("maxBytes").integer(0, INT64_MAX));
  ops::Executor executor(read_threads(root.at("threads")), cancel);
  const Inputs inputs = open_inputs(job);
  const std::vector<std::size_t> chosen = chosen_modules(inputs, most_bytes);
  const auto adapters = static_cast<int>(inputs.files.size());

  progress.stage("previewing", static_cast<std::int64_t>(chosen.size()), "modules");
  Matrix<double> gram(adapters, adapters);
  Json modules = Json::array();
  for (const std::size_t index : chosen) {
    const ModuleInputs& module = inputs.modules[index];
    lora::RankUnits units = load_module(module, {}, cancel, [](std::uint64_t) {});
    add_products(gram, units, executor);
    const Combined combined = combine(std::move(units), *module.request, job.method, adapters, Want::figures, executor);
    modules.push(Json::object(
        {{"name", module.request->name}, {"norm", combined.norm}, {"discardedEnergy", combined.discarded}}));
    progress.advance(1);
  }
  inputs.check_unchanged();
  return Json::object({{"exact", chosen.size() == inputs.modules.size()},
                       {"modulesUsed", chosen.size()},
                       {"modulesTotal", inputs.modules.size()},
                       {"gram", rows_of(gram)},
                       {"modules", std::move(modules)}});
}

}  // namespace amalgam::merge
