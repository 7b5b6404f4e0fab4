// The updates of a module, made row by row from their factors and never held whole.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "lora/rank_units.h"
#include "merge/inputs.h"
#include "ops/executor.h"

namespace amalgam::merge {

/// scaling * B A of some sources of one module. What rows() gives depends on nothing but the factors and the row.
class ModuleUpdates {
 public:
  /// All sources of the module. Throws the errors of load_module.
  ModuleUpdates(const ModuleInputs& module, const core::CancelToken& cancel, const lora::ReadMeter& meter);
  /// One of them, which is number 0 here.
  ModuleUpdates(const ModuleInputs& module, std::size_t source, const core::CancelToken& cancel,
                const lora::ReadMeter& meter);

  std::size_t count() const { return sources_.size(); }
  std::int64_t in() const { return units_.a.cols(); }
  std::int64_t out() const { return units_.b.rows(); }

  /// Rows [first_row, first_row + out.rows) of the update of source `index`, summed in float in a fixed order.
  void rows(std::size_t index, std::int64_t first_row, core::MatrixView<float> out, ops::Executor& executor) const;

 private:
  struct Source {
    std::int64_t first_unit;
    std::int64_t rank;
  };

  explicit ModuleUpdates(lora::RankUnits units);

  lora::RankUnits units_;  // the scaling is in b
  std::vector<Source> sources_;
};

}  // namespace amalgam::merge
