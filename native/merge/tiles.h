// Merging by methods that work on tiles of the updates: statistics first, then module by module a dense result that is
// factored back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/progress.h"
#include "merge/combine.h"
#include "merge/inputs.h"
#include "merge/tile_source.h"
#include "merge/tile_workers.h"
#include "methods/tiles.h"

namespace amalgam::merge {

/// One job. No update is held: a tile is made from its factors whenever it is looked at. In memory are one module's
/// factors and dense result (float), and a tile of every source for each thread.
class TileMerge {
 public:
  /// `modules` are those of the job that are merged and over which figures of the whole job are taken. `method` and
  /// `inputs` must outlive the object.
  TileMerge(const methods::OnTiles& method, const Inputs& inputs, std::vector<std::size_t> modules, int threads,
            core::Progress& progress, const core::CancelToken& cancel, lora::ReadMeter meter);

  /// Calls done(position among the modules, what became of the module) for each, in order. Stages: "thresholds", where
  /// the method asks for them over the job; "merging"; and once a rule has asked for a tally of the job, the stage that
  /// the method names, after which "merging" goes on. Throws the errors of reading, Error "not-finite" and "cancelled".
  void run(Want want, const std::function<void(std::size_t position, Combined combined)>& done);

  /// The most bytes that run() holds at once.
  std::uint64_t peak_bytes() const;

 private:
  /// The thresholds of every source of a module, in the order of its sources.
  using Thresholds = std::vector<std::vector<float>>;
  /// One source of one module.
  struct Part {
    std::size_t module;
    std::size_t source;
  };

  const ModuleInputs& module_at(std::size_t position) const { return inputs_.modules[modules_[position]]; }
  std::vector<float> thresholds_of(std::span<const Part> parts, bool tell);
  void find_job_thresholds();
  Thresholds thresholds_of_module(std::size_t position);
  template <typename Visit>
  void for_tiles(const ModuleInputs& module, const ModuleUpdates& updates, const Thresholds& thresholds,
                 const std::vector<double>* tally, Visit visit);
  std::vector<double> tally_of_module(const ModuleInputs& module, const ModuleUpdates& updates,
                                      const Thresholds& thresholds);
  void count_job_tally();
  void make(const ModuleInputs& module, const ModuleUpdates& updates, const Thresholds& thresholds,
            const std::vector<double>* tally);
  Combined merge(std::size_t position, Want want);

  const methods::OnTiles& method_;
  const Inputs& inputs_;
  std::vector<std::size_t> modules_;
  core::Progress& progress_;
  const core::CancelToken& cancel_;
  lora::ReadMeter meter_;
  TileWorkers workers_;
  std::vector<std::vector<float>> job_thresholds_;  // by adapter, where they are taken over the job
  std::vector<double> job_tally_;
  bool job_tally_known_ = false;
  std::size_t merged_ = 0;     // modules that are done
  core::Matrix<float> dense_;  // the module being merged
};

}  // namespace amalgam::merge
