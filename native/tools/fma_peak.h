// The processor's own limit: fused multiply-adds of floats with nothing to load.
#pragma once

#include "core/thread_pool.h"

namespace amalgam::tools {

/// Floating-point operations per second, in 1e9, of all threads together; the best of several runs of milliseconds.
double fma_peak_gflops(core::ThreadPool& pool);

}  // namespace amalgam::tools
