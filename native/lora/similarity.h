// The jobs "similarity": how near adapters are to one query adapter, entry by entry of their updates, and
// "matched-random": random numbers in place of adapters.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::lora {

/// { "query": adapter, "candidates": [adapter, ...], "threads" } with adapter { "name", "weightsFile",
///   "modules": [{ "name", "a", "b", "rank", "in", "out", "scaling" }] } as in an evaluation, "dense": bool
/// -> { "candidates": [{ "dot": sum_m <C_m, T_m>, "modules": [<C_m, T_m>, ...] over the union of both's modules,
///        "norm2": ||C||^2, "queryNorm2": ||T||^2 (over all modules of each),
///        and where dense is true, else null: "clampSum": sum over entries of max(C T, 0), "absSum": sum |C T|,
///        "squaresDot": sum C^2 T^2, "squaresNorm2": sum C^4, "querySquaresNorm2": sum T^4 }] }
/// C_m and T_m are scaling * B A, 0 where a module is missing; modules are the same when name, in and out are, and come
/// in that order. Inner products and norms come from the factors, exactly and
/// without dense matrices; the others form the update tile by tile, within bounded memory, sums in double
/// (recycling-loras.md 2.1). Progress counts "modules" in the stage "comparing". The bytes do not depend on the threads, each
/// of which holds one module's factors of the query and of at most 16 candidates (64 MB beyond the first). Throws
/// core::Error: the errors of reading, "request-invalid", "shape-mismatch", "not-finite", "cancelled".
core::Json run_similarity(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

/// { "adapters": [{ ... as above, "outFile": path }], "seed", "threads" } -> { "modules": [{ "name", "deviationA",
///   "deviationB" }] }. The matched random control (recycling-loras.md 4.4): for every module A ~ N(0, sd_A) and
/// B ~ N(0, sd_B), where sd_A and sd_B are the standard deviations (about the mean, divisor n - 1 as torch.std) of all
/// entries of the stacked A's (B's) of that module, by its name, over the given adapters; 0 for a single entry. Files have
/// the modules' tensors under their names and in their shapes, F32; number i of a tensor is the normal number i of
/// core/random.h for (seed, factor, adapter's position, module), whatever the threads. Stages: "measuring" and "writing",
/// in "modules". Every outFile must be new; none stays when one could not be written. Throws as above and "write-failed".
core::Json run_matched_random(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::lora
