// One module: from the stacked units of its sources to the units of the result.
#pragma once

#include <cstdint>

#include "lora/rank_units.h"
#include "merge/inputs.h"
#include "methods/method.h"
#include "ops/executor.h"

namespace amalgam::merge {

/// What became of one module.
struct Combined {
  lora::RankUnits units;  ///< of the result; none when only figures were asked for and a core was cut
  std::int64_t rank = 0;  ///< units of the result
  double norm = 0;        ///< Frobenius norm of the merged update before it was cut
  /// Frobenius norm of what was cut, as a fraction of `norm`; 0 when nothing was cut. A method that clusters makes
  /// fewer units without cutting: its result is no approximation of a sum, and `norm` is that of the result.
  double discarded = 0;
};

/// Whether the result's factors are wanted, or its figures only.
enum class Want { factors, figures };

/// Applies the method. `units` are those of load_module. Sums of which nothing is cut are written down exactly, as
/// stacked units; an in_core method that is cut goes through the joint core of the module, in double. `adapters` is
/// their number in the job. Throws Error "request-invalid" when a method on factors makes more units than the module
/// may keep, and "cancelled".
Combined combine(lora::RankUnits units, const ModuleRequest& module, const methods::Method& method, int adapters,
                 Want want, ops::Executor& executor);

/// Bytes that load_module and combine hold at once, to plan how many modules fit side by side.
std::uint64_t bytes_to_combine(const ModuleInputs& module, const methods::Method& method);

}  // namespace amalgam::merge
