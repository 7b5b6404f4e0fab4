#include "merge/preview.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <variant>
#include <vector>

#include "linalg/dense_truncate.h"
#include "lora/unit_products.h"
#include "merge/combine.h"
#include "merge/inputs.h"
#include "merge/tiles.h"

namespace amalgam::merge {

namespace {

using core::Json;
using core::Matrix;

// A method on tiles forms every entry of the updates and factors what it makes of them, where the others need the
// updates' factors only. More work than this, counted in entries, would make a preview slow.
constexpr std::uint64_t most_tile_work = std::uint64_t{48} << 20;

/// The entries of a module, and as many as could be made in the time that an exact factoring takes.
std::uint64_t tile_work(const ModuleInputs& module) {
  const auto in = static_cast<std::uint64_t>(module.request->in);
  const auto out = static_cast<std::uint64_t>(module.request->out);
  const std::uint64_t shorter = std::min(in, out);
  return in * out + (shorter <= linalg::largest_exact_side ? shorter * shorter * shorter / 64 : 0);
}

/// Which modules to look at: all when they fit, else as many as fit of a walk through the list in steps of the golden
/// section, which meets layers (far apart in the list) and kinds of module (close together) evenly. At least one.
std::vector<std::size_t> chosen_modules(const Inputs& inputs, std::uint64_t most_bytes, std::uint64_t most_work) {
  const std::size_t count = inputs.modules.size();
  std::vector<std::size_t> chosen(count);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  std::uint64_t all_work = 0;
  for (const ModuleInputs& module : inputs.modules) all_work += tile_work(module);
  if (inputs.file_bytes() <= most_bytes && all_work <= most_work) return chosen;
  auto step = static_cast<std::size_t>(0.6180339887 * static_cast<double>(count));
  step = std::max<std::size_t>(step, 1);
  while (std::gcd(step, count) != 1) ++step;
  chosen.clear();
  std::uint64_t bytes = 0;
  std::uint64_t work = 0;
  for (std::size_t i = 0, place = 0; i < count; ++i, place = (place + step) % count) {
    bytes += inputs.modules[place].file_bytes();
    work += tile_work(inputs.modules[place]);
    if (!chosen.empty() && (bytes > most_bytes || work > most_work)) break;
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

Json row_of(const ModuleRequest& module, const Combined& combined) {
  return Json::object({{"name", module.name}, {"norm", combined.norm}, {"discardedEnergy", combined.discarded}});
}

}  // namespace

Json run_preview(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const lora::Field root(request, "");
  const MergeRequest job = read_merge_job(root.at("job"));
  const auto most_bytes = static_cast<std::uint64_t>(root.at("maxBytes").integer(0, INT64_MAX));
  const int threads = read_threads(root.at("threads"));
  ops::Executor executor(threads, cancel);
  const Inputs inputs = open_inputs(job);
  const auto* on_tiles = std::get_if<methods::OnTiles>(&job.method.rule);
  const std::vector<std::size_t> chosen =
      chosen_modules(inputs, most_bytes, on_tiles ? most_tile_work : std::numeric_limits<std::uint64_t>::max());
  const auto adapters = static_cast<int>(inputs.files.size());

  progress.stage("previewing", static_cast<std::int64_t>(chosen.size()), "modules");
  Matrix<double> gram(adapters, adapters);
  Json modules = Json::array();
  for (const std::size_t index : chosen) {
    const ModuleInputs& module = inputs.modules[index];
    lora::RankUnits units = load_module(module, {}, cancel, [](std::uint64_t) {});
    add_products(gram, units, executor);
    progress.advance(1);
    if (on_tiles) continue;
    modules.push(row_of(*module.request, combine(std::move(units), *module.request, job.method, adapters, Want::figures,
                                                 executor)));
  }
  if (on_tiles) {
    TileMerge tiles(*on_tiles, inputs, chosen, threads, progress, cancel, [](std::uint64_t) {});
    tiles.run(Want::figures, [&](std::size_t position, const Combined& combined) {
      modules.push(row_of(*inputs.modules[chosen[position]].request, combined));
    });
  }
  inputs.check_unchanged();
  return Json::object({{"exact", chosen.size() == inputs.modules.size()},
                       {"modulesUsed", chosen.size()},
                       {"modulesTotal", inputs.modules.size()},
                       {"gram", rows_of(gram)},
                       {"modules", std::move(modules)}});
}

}  // namespace amalgam::merge
