// Rank units: one form for merging, tuning and training (R units on one target module).
//
//   a  R x in   row u is what unit u looks for in the module's input
//   b  out x R  column u is what it adds to the output
//   c  R        its scale
//
// The update of the module is sum_u c[u] b[:, u] a[u, :]. Adapters of any rank, alpha and target set are only units
// with different tags; a coefficient or a scaling only changes c.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace amalgam::lora {

/// Where a unit comes from.
struct UnitTag {
  int source;              ///< position among the module's sources
  int adapter;             ///< position among the job's adapters
  std::int64_t index;      ///< row of the adapter's A, column of its B
  double coefficient = 1;  ///< what of the unit's scale is the adapter's coefficient; the rest is its scaling
};

/// The units of one source lie side by side, in the order of their index.
struct RankUnits {
  core::Matrix<float> a;
  core::Matrix<float> b;
  std::vector<double> c;
  std::vector<UnitTag> tags;

  std::int64_t count() const { return a.rows(); }
};

}  // namespace amalgam::lora
