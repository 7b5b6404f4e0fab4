#include "merge/run_merge.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <utility>
#include <variant>
#include <vector>

#include "merge/combine.h"
#include "merge/inputs.h"
#include "merge/module_workers.h"
#include "merge/tiles.h"
#include "merge/write_units.h"

namespace amalgam::merge {

namespace {

using core::Json;

// Modules are worked on side by side as long as their buffers stay within this; one module may need more.
constexpr std::uint64_t memory_budget_bytes = std::uint64_t{192} << 20;

constexpr std::uint64_t saved_together_bytes = std::uint64_t{8} << 20;

/// Bytes of the modules being worked on now, and the most there ever were.
class MemoryTally {
 public:
  void add(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  void remove(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    now_ -= bytes;
  }
  std::uint64_t peak() const { return peak_; }

 private:
  std::mutex mutex_;
  std::uint64_t now_ = 0;
  std::uint64_t peak_ = 0;
};

int modules_side_by_side(const Inputs& inputs, const methods::Method& method, int threads) {
  std::uint64_t largest = 1;
  for (const ModuleInputs& module : inputs.modules) largest = std::max(largest, bytes_to_combine(module, method));
  return static_cast<int>(
      std::clamp<std::uint64_t>(memory_budget_bytes / largest, 1, static_cast<std::uint64_t>(threads)));
}

/// Forces the file to the disk, in pieces that a slow disk takes in a tenth of a second.
void save(core::SafetensorsWriter& writer, core::Progress& progress, const core::CancelToken& cancel) {
  const std::uint64_t total = writer.bytes_written();
  progress.stage("saving", static_cast<std::int64_t>(total), "bytes");
  for (std::uint64_t place = 0; place < total; place += saved_together_bytes) {
    cancel.check();
    const std::uint64_t bytes = std::min(saved_together_bytes, total - place);
    writer.flush(place, bytes);
    progress.advance(static_cast<std::int64_t>(bytes));
  }
  cancel.check();
  writer.finish();
}

Json module_row(const ModuleRequest& module, const Combined& combined) {
  return Json::object({{"name", module.name},
                       {"rank", combined.rank},
                       {"norm", combined.norm},
                       {"discardedEnergy", combined.discarded}});
}

/// What the merging of the modules is given.
struct MergeRun {
  const MergeRequest& job;
  const Inputs& inputs;
  core::SafetensorsWriter& writer;
  core::Progress& progress;
  const core::CancelToken& cancel;
  int threads;
};

struct Merged {
  std::vector<Json> rows;  ///< one for each module
  std::uint64_t bytes_read = 0;
  std::uint64_t peak_bytes = 0;
};

/// Methods that see one module at a time: several modules at once.
Merged merge_side_by_side(const MergeRun& run) {
  run.progress.stage("merging", static_cast<std::int64_t>(run.inputs.file_bytes()), "bytes");
  std::vector<Json> rows(run.inputs.modules.size());
  std::atomic<std::uint64_t> bytes_read{0};
  MemoryTally memory;
  for_modules(static_cast<std::int64_t>(run.inputs.modules.size()),
              modules_side_by_side(run.inputs, run.job.method, run.threads), run.threads, run.cancel,
              [&](std::int64_t index, ModuleWorker& worker) {
                const ModuleInputs& module = run.inputs.modules[static_cast<std::size_t>(index)];
                const std::uint64_t bytes = bytes_to_combine(module, run.job.method);
                memory.add(bytes);
                const auto meter = [&](std::uint64_t read) {
                  bytes_read += read;
                  run.progress.advance(static_cast<std::int64_t>(read));
                };
                lora::RankUnits units = load_module(module, std::move(worker.spare), run.cancel, meter);
                Combined combined = combine(std::move(units), *module.request, run.job.method,
                                            static_cast<int>(run.inputs.files.size()), Want::factors, worker.executor);
                write_units(run.writer, *module.request, run.job.output_rank, combined.units, run.cancel);
                rows[static_cast<std::size_t>(index)] = module_row(*module.request, combined);
                worker.spare = std::move(combined.units);
                memory.remove(bytes);
              });
  return {std::move(rows), bytes_read.load(), memory.peak()};
}

/// Methods on tiles may need figures of all modules first; all threads work on the same module.
Merged merge_on_tiles(const methods::OnTiles& method, const MergeRun& run) {
  std::vector<std::size_t> modules(run.inputs.modules.size());
  std::iota(modules.begin(), modules.end(), std::size_t{0});
  Merged merged;
  TileMerge tiles(method, run.inputs, std::move(modules), run.threads, run.progress, run.cancel,
                  [&](std::uint64_t read) { merged.bytes_read += read; });
  tiles.run(Want::factors, [&](std::size_t position, const Combined& combined) {
    const ModuleRequest& module = *run.inputs.modules[position].request;
    write_units(run.writer, module, run.job.output_rank, combined.units, run.cancel);
    merged.rows.push_back(module_row(module, combined));
  });
  merged.peak_bytes = tiles.peak_bytes();
  return merged;
}

}  // namespace

Json run_merge(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const auto started = std::chrono::steady_clock::now();
  const lora::Field root(request, "");
  const MergeRequest job = read_merge_job(root.at("job"));
  const std::string& out_file = root.at("outFile").text();
  const int threads = read_threads(root.at("threads"));
  const Inputs inputs = open_inputs(job);
  core::SafetensorsWriter writer(out_file, plan_output(job), {{"format", "pt"}});

  const MergeRun run{job, inputs, writer, progress, cancel, threads};
  const auto* on_tiles = std::get_if<methods::OnTiles>(&job.method.rule);
  const Merged merged = on_tiles ? merge_on_tiles(*on_tiles, run) : merge_side_by_side(run);
  inputs.check_unchanged();
  save(writer, progress, cancel);

  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  return Json::object({{"rank", job.output_rank},
                       {"bytesRead", merged.bytes_read},
                       {"bytesWritten", writer.bytes_written()},
                       {"seconds", elapsed.count()},
                       {"peakBytes", merged.peak_bytes},
                       {"modules", Json(merged.rows)}});
}

}  // namespace amalgam::merge
