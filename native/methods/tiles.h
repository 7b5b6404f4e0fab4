// What a method of kind "on_tiles" is given: the same rows of the update of every source, and figures that a pass over
// everything found before.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"

namespace amalgam::methods {

/// The rows of one source's update, scaling included, coefficient not.
struct TileSource {
  int adapter;         ///< position among the job's adapters
  double coefficient;  ///< not yet applied
  float threshold;     ///< of the pre-pass: the k-th largest magnitude of this source in the pre-pass's scope
  core::MatrixView<const float> values;
};

/// Whole rows of one module's update.
struct Tile {
  std::int64_t first_row;
  int adapters;  ///< of the whole job, also those that lack this module
  std::vector<TileSource> sources;
  int majority;  ///< +1 or -1: the sign of the pre-pass's ballot over the whole job; +1 when it was not asked for
};

/// Statistics that must be known before the first tile of the result can be made.
struct Prepass {
  enum class Scope { none, module, adapter };
  /// Over what the thresholds of TileSource are taken: one module's update, or an adapter's updates of all modules.
  Scope scope = Scope::none;
  /// threshold = the k-th largest magnitude of n values with k = floor(kept * n); +infinity when k is 0, 0 when k is n.
  double kept = 1;
  /// Where set: what one tile adds to the ballot whose sign becomes Tile::majority. Called with the thresholds known.
  std::function<std::int64_t(const Tile&)> ballot;
};

/// on_tiles: the rule for one tile; `result` has the tile's shape and is overwritten.
struct OnTiles {
  Prepass prepass;
  std::function<void(const Tile&, core::MatrixView<float> result)> rule;
};

}  // namespace amalgam::methods
