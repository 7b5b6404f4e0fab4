// What a method of kind "on_tiles" is given: the same rows of the update of every source, and figures that a pass over
// everything found before.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace amalgam::methods {

/// The rows of one source's update, scaling included, coefficient not.
struct TileSource {
  int adapter;         ///< position among the job's adapters
  double coefficient;  ///< not yet applied
  /// Of the pre-pass: one magnitude for each of Prepass::kept, over this source's values in the pre-pass's scope.
  std::vector<float> thresholds;
  core::MatrixView<const float> values;
};

/// Whole rows of one module's update. Tiles are cut by the driver; a rule must not depend on where.
struct Tile {
  std::int64_t first_row;
  int adapters;        ///< of the whole job, also those that lack this module
  std::uint64_t seed;  ///< of this module: from the job's seed and the module's name
  std::vector<TileSource> sources;
  /// The sums of Prepass::tally over its scope; read it through tally_of().
  const std::vector<double>* tally = nullptr;
};

/// Thrown by tally_of() when nothing was counted yet. The driver catches it, counts, and makes the module again: a job
/// in which no entry asks for the tally never pays for that pass.
struct TallyWanted {};

inline const std::vector<double>& tally_of(const Tile& tile) {
  if (tile.tally == nullptr) throw TallyWanted();
  return *tile.tally;
}

/// Over what a figure is taken: one module, or all modules of the job.
enum class Scope { module, job };

/// Statistics that must be known before the first tile of the result can be made. The values are those of the updates
/// in float, bit for bit the same in every pass.
struct Prepass {
  /// One threshold is found for each: the k-th largest magnitude of n values with k = floor(kept * n); +infinity when k
  /// is 0, and 0 when k is n. Exact, ties included: at least k values are no smaller.
  std::vector<double> kept = {};
  /// `module`: of one source in one module. `job`: of all updates of one adapter in the job, as one list.
  Scope kept_over = Scope::module;

  /// Where set: what one tile adds to the tally, always the same number of sums. Called with the thresholds known.
  std::function<std::vector<double>(const Tile&)> tally = {};
  Scope tally_over = Scope::module;
  std::string_view tally_stage = "";  ///< what a pass over the job is called while it runs
};

/// on_tiles: the rule for one tile; `result` has the tile's shape and is overwritten. Tiles are made on many threads at
/// once.
struct OnTiles {
  Prepass prepass;
  std::function<void(const Tile&, core::MatrixView<float> result)> rule;
};

}  // namespace amalgam::methods
