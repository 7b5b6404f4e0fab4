// How near the matrix products come to what the processor can do.
#pragma once

#include "core/json.h"

namespace amalgam::tools {

/// Measures on `threads` threads, in about twenty seconds, the best of several runs each:
/// { "threads", "instructions", "processor", "peakGflops": fused multiply-adds of floats in registers,
///   "rows": [{ "name", "weights": "f32" | "bf16", "rows", "outputs", "inputs", "ms", "gflops", "ofPeak",
///              "gigabytesPerSecond": of weights }] }
/// A Gram row counts the products of one half, which is what is computed.
core::Json bench_gemm(int threads);

}  // namespace amalgam::tools
