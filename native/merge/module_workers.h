// Several modules at once, so that reading, computing and writing overlap.
#pragma once

#include <cstdint>
#include <functional>

#include "core/cancel.h"
#include "ops/executor.h"

namespace amalgam::merge {

/// Calls body(i, executor) once for every i in [0, count), in rising order of their beginnings, `side_by_side` at a time;
/// each caller has an executor of threads / side_by_side threads. What a body computes must not depend on the others. When
/// bodies throw, no further ones begin, and the exception of the lowest i is rethrown when all running ones have ended.
void for_modules(std::int64_t count, int side_by_side, int threads, const core::CancelToken& cancel,
                 const std::function<void(std::int64_t, ops::Executor&)>& body);

}  // namespace amalgam::merge
