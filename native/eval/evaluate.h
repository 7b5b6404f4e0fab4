// The job "evaluate": answers of a base model and of subjects made from it by adapters at coefficients, example by
// example.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::eval {

/// Request, all token ids made by the caller:
/// { "model": folder, "device": "cpu" | "cuda:0", "threads": n,
///   "memoryBytes": most memory to use, 0 for what is free,
///   "batchTokens": most tokens of a forward pass (the longest sequence always fits), 0 for a choice by the planner,
///   "adapters": [{ "name", "weightsFile", "modules": [{ "name", "a", "b", "rank", "in", "out", "scaling" }] }],
///   "subjects": [{ "name",
///                  "terms": [{ "adapter": index, "coefficients": number | [one per module of that adapter] }] }],
///   "items": [{ "prompt": [ids], "ask": { "kind": "generate", "maxNewTokens": n, "stop": [ids] }
///                                     | { "kind": "choices", "choices": [[ids], ...] }
///                                     | { "kind": "loss", "answer": [ids] } }],
///   "work": [[subject, item], ...],           pairs to do, in any order
///   "outFile": path }                          JSON lines, appended and fsynced batch by batch
///
/// A line: { "subject", "item", "seconds": its share of the passes }, and for generate "tokens": [ids], "ended": true
/// when a stop token came (left out of tokens), "logProbability": of the tokens with the stop one; for choices
/// "logProbabilities": [sum per choice]; for loss "logProbability", "count". Prompts, choices and answers have at least
/// one token. A pair that cannot be done has the line { "subject", "item", "problem": code, "message" }, and the job
/// goes on: "logits-not-finite" and "not-finite" (a factor) naming the subject and its adapters, "prompt-too-long".
///
/// On the processor a pair's line has the same bits whatever else is in the job and however it was batched; on a
/// graphics card the same job has.
///
/// Result: { "done", "tokens", "seconds", "loadSeconds", "weightBytes", "peakBytes",
///           "estimate": { "weights", "units", "cache", "activations", "total", "free" } }.
/// Progress: stages "planning" (bytes needed of those free), "loading" (bytes), "evaluating" (examples).
/// Errors besides those of the model, all before any work: "memory-short" ("needs X, Y free; try ..."), "prompt-empty",
/// "vocabulary-mismatch" (a token that the embedding lacks), "adapter-other-base", "request-invalid", "device-unknown".
core::Json run_evaluate(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

/// { "folder" } -> facts of the checkpoint: { "family", "dtype", "parameters", "weightBytes", "files", "vocabulary",
///   "hidden", "layers", "heads", "kvHeads", "headDim", "intermediate", "maxPositions", "tied", "endTokens",
///   "modules": [{ "name", "in", "out" }],
///   "memory": [{ "device", "needs", "free" }] } where needs is for scoring batches of 2048 tokens.
core::Json run_checkpoint(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::eval
