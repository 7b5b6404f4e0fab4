// Several modules at once, so that reading, computing and writing overlap.
#pragma once

#include <cstdint>
#include <functional>

#include "core/cancel.h"
#include "lora/rank_units.h"
#include "ops/executor.h"

namespace amalgam::merge {

/// What one of the workers keeps from module to module.
struct ModuleWorker {
  ops::Executor executor;
  lora::RankUnits spare;  ///< memory to be used again
};

/// Calls body(i, worker) once for every i in [0, count), in rising order of their beginnings, `side_by_side` at a time;
/// the threads are shared out evenly among the workers' executors. What a body computes must not depend on the others.
/// When bodies throw, no further ones begin, and the exception of the lowest i is rethrown when all running ones have
/// ended.
void for_modules(std::int64_t count, int side_by_side, int threads, const core::CancelToken& cancel,
                 const std::function<void(std::int64_t, ModuleWorker&)>& body);

}  // namespace amalgam::merge
