#include "merge/tiles.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "linalg/dense_truncate.h"
#include "merge/statistics.h"

namespace amalgam::merge {

namespace {

using methods::Scope;
using methods::Tile;
using methods::TileSource;

std::int64_t kept_rank(const ModuleRequest& module) {
  const std::int64_t full = std::min(module.in, module.out);
  return module.rank == whole_rank ? full : std::min(module.rank, full);
}

/// The truncated module as units.
lora::RankUnits units_of(const linalg::Truncation& cut) {
  const std::int64_t rank = cut.left.cols();
  lora::RankUnits units{core::Matrix<float>(rank, cut.right.rows()), core::Matrix<float>(cut.left.rows(), rank),
                        std::vector<double>(static_cast<std::size_t>(rank), 1.0), {}};
  for (std::int64_t k = 0; k < rank; ++k) {
    for (std::int64_t i = 0; i < cut.right.rows(); ++i) units.a(k, i) = static_cast<float>(cut.right(i, k));
    units.tags.push_back({0, 0, k});
  }
  for (std::int64_t i = 0; i < cut.left.size(); ++i) units.b.data()[i] = static_cast<float>(cut.left.data()[i]);
  return units;
}

void add(std::vector<double>& sums, const std::vector<double>& more) {
  sums.resize(std::max(sums.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) sums[i] += more[i];
}

}  // namespace

TileMerge::TileMerge(const methods::OnTiles& method, const Inputs& inputs, std::vector<std::size_t> modules,
                     int threads, core::Progress& progress, const core::CancelToken& cancel, lora::ReadMeter meter)
    : method_(method),
      inputs_(inputs),
      modules_(std::move(modules)),
      progress_(progress),
      cancel_(cancel),
      meter_(std::move(meter)),
      workers_(threads, cancel) {}

/// The thresholds of one list of values: all rows of all `parts`.
std::vector<float> TileMerge::thresholds_of(std::span<const Part> parts, bool tell) {
  std::int64_t count = 0;
  for (const Part& part : parts) {
    const ModuleRequest& module = *inputs_.modules[part.module].request;
    count += module.in * module.out;
  }
  std::vector<float> thresholds;
  std::vector<std::int64_t> ranks;
  for (const double kept : method_.prepass.kept) {
    const auto rank = static_cast<std::int64_t>(kept * static_cast<double>(count));
    thresholds.push_back(rank <= 0 ? std::numeric_limits<float>::infinity() : 0);
    if (rank > 0 && rank < count) ranks.push_back(rank);
  }
  if (ranks.empty()) {
    if (tell) progress_.advance(selection_passes * static_cast<std::int64_t>(parts.size()));
    return thresholds;
  }
  const std::vector<float> found = largest_magnitudes(ranks, workers_.count(), [&](const TakeValues& take) {
    for (const Part& part : parts) {
      const ModuleUpdates updates(inputs_.modules[part.module], part.source, cancel_, meter_);
      workers_.for_tiles(updates.out(), TileWorkers::rows_together(updates.in(), 1),
                         [&](std::int64_t, std::int64_t first, std::int64_t rows, TileWorker& worker) {
                           worker.buffer = core::Matrix<float>::reusing(std::move(worker.buffer), rows, updates.in());
                           updates.rows(0, first, worker.buffer.view(), worker.executor);
                           take(worker.buffer.data(), worker.buffer.size(), worker.number);
                         });
      if (tell) progress_.advance(1);
    }
  });
  std::size_t next = 0;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const auto rank = static_cast<std::int64_t>(method_.prepass.kept[i] * static_cast<double>(count));
    if (rank > 0 && rank < count) thresholds[i] = found[next++];
  }
  return thresholds;
}

void TileMerge::find_job_thresholds() {
  std::vector<std::vector<Part>> parts(inputs_.files.size());  // by adapter
  std::int64_t count = 0;
  for (const std::size_t module : modules_) {
    const std::vector<SourceRequest>& sources = inputs_.modules[module].request->sources;
    for (std::size_t i = 0; i < sources.size(); ++i, ++count) {
      parts[static_cast<std::size_t>(sources[i].adapter)].push_back({module, i});
    }
  }
  progress_.stage("thresholds", selection_passes * count, "modules");
  for (const std::vector<Part>& of_adapter : parts) job_thresholds_.push_back(thresholds_of(of_adapter, true));
}

TileMerge::Thresholds TileMerge::thresholds_of_module(std::size_t position) {
  const std::size_t module = modules_[position];
  const std::vector<SourceRequest>& sources = inputs_.modules[module].request->sources;
  Thresholds thresholds;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (method_.prepass.kept_over == Scope::job) {
      thresholds.push_back(job_thresholds_[static_cast<std::size_t>(sources[i].adapter)]);
    } else {
      const Part part{module, i};
      thresholds.push_back(thresholds_of({&part, 1}, false));
    }
  }
  return thresholds;
}

/// Calls visit(number, tile) for every tile of the module, on all threads.
template <typename Visit>
void TileMerge::for_tiles(const ModuleInputs& module, const ModuleUpdates& updates, const Thresholds& thresholds,
                          const std::vector<double>* tally, Visit visit) {
  const std::vector<SourceRequest>& requests = module.request->sources;
  workers_.for_tiles(
      updates.out(), TileWorkers::rows_together(updates.in(), updates.count()),
      [&](std::int64_t number, std::int64_t first, std::int64_t rows, TileWorker& worker) {
        const auto sources = static_cast<std::int64_t>(updates.count());
        worker.buffer = core::Matrix<float>::reusing(std::move(worker.buffer), sources * rows, updates.in());
        Tile tile{first, static_cast<int>(inputs_.files.size()), module.request->seed, {}, tally};
        for (std::int64_t i = 0; i < sources; ++i) {
          const core::MatrixView<float> values = worker.buffer.view().row_range(i * rows, rows);
          const auto index = static_cast<std::size_t>(i);
          updates.rows(index, first, values, worker.executor);
          tile.sources.push_back({requests[index].adapter, requests[index].coefficient, thresholds[index], values});
        }
        visit(number, tile);
      });
}

/// What the tiles of one module add up to, in the order of the tiles.
std::vector<double> TileMerge::tally_of_module(const ModuleInputs& module, const ModuleUpdates& updates,
                                               const Thresholds& thresholds) {
  const std::int64_t rows_together = TileWorkers::rows_together(updates.in(), updates.count());
  std::vector<std::vector<double>> sums(static_cast<std::size_t>((updates.out() + rows_together - 1) / rows_together));
  for_tiles(module, updates, thresholds, nullptr, [&](std::int64_t number, const Tile& tile) {
    sums[static_cast<std::size_t>(number)] = method_.prepass.tally(tile);
  });
  std::vector<double> total;
  for (const std::vector<double>& of_tile : sums) add(total, of_tile);
  return total;
}

void TileMerge::count_job_tally() {
  progress_.stage(std::string(method_.prepass.tally_stage), static_cast<std::int64_t>(modules_.size()), "modules");
  for (std::size_t position = 0; position < modules_.size(); ++position) {
    const ModuleInputs& module = module_at(position);
    const ModuleUpdates updates(module, cancel_, meter_);
    add(job_tally_, tally_of_module(module, updates, thresholds_of_module(position)));
    progress_.advance(1);
  }
  job_tally_known_ = true;
  progress_.stage("merging", static_cast<std::int64_t>(modules_.size() - merged_), "modules");
}

/// Applies the rule to all tiles of the module.
void TileMerge::make(const ModuleInputs& module, const ModuleUpdates& updates, const Thresholds& thresholds,
                     const std::vector<double>* tally) {
  for_tiles(module, updates, thresholds, tally, [&](std::int64_t, const Tile& tile) {
    method_.rule(tile, dense_.view().row_range(tile.first_row, tile.sources.front().values.rows));
  });
}

Combined TileMerge::merge(std::size_t position, Want want) {
  const ModuleInputs& module = module_at(position);
  const ModuleUpdates updates(module, cancel_, meter_);
  const Thresholds thresholds = thresholds_of_module(position);
  dense_ = core::Matrix<float>::reusing(std::move(dense_), updates.out(), updates.in());
  try {
    make(module, updates, thresholds, job_tally_known_ ? &job_tally_ : nullptr);
  } catch (const methods::TallyWanted&) {
    if (method_.prepass.tally_over == Scope::job) {
      count_job_tally();
      make(module, updates, thresholds, &job_tally_);
    } else {
      const std::vector<double> tally = tally_of_module(module, updates, thresholds);
      make(module, updates, thresholds, &tally);
    }
  }
  const linalg::Truncation cut =
      linalg::dense_truncate(dense_.view(), kept_rank(*module.request), workers_.together());
  Combined combined{{}, cut.left.cols(), cut.norm, cut.discarded};
  if (want == Want::factors) combined.units = units_of(cut);
  return combined;
}

void TileMerge::run(Want want, const std::function<void(std::size_t, Combined)>& done) {
  if (method_.prepass.kept_over == Scope::job && !method_.prepass.kept.empty()) find_job_thresholds();
  progress_.stage("merging", static_cast<std::int64_t>(modules_.size()), "modules");
  for (std::size_t position = 0; position < modules_.size(); ++position) {
    done(position, merge(position, want));
    ++merged_;
    progress_.advance(1);
  }
}

std::uint64_t TileMerge::peak_bytes() const {
  std::uint64_t most = 0;
  for (const std::size_t index : modules_) {
    const ModuleInputs& module = inputs_.modules[index];
    const ModuleRequest& request = *module.request;
    const auto sources = static_cast<std::int64_t>(module.factors.size());
    const std::int64_t units = (request.in + request.out) * module.stacked_rank();
    const std::int64_t tile = TileWorkers::rows_together(request.in, module.factors.size()) * request.in * sources;
    const std::int64_t floats = units + request.in * request.out + tile * workers_.count();
    most = std::max(most, static_cast<std::uint64_t>(floats) * sizeof(float) +
                              linalg::bytes_to_truncate(request.out, request.in, kept_rank(request)));
  }
  return most;
}

}  // namespace amalgam::merge
