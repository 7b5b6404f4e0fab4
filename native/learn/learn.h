// The jobs "learn" and "gradients": coefficients tuned and factors trained through a frozen base model.
#pragma once

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::learn {

/// One job for tuning coefficients, training a fresh adapter, and both at once: one kind of layer with different
/// switches (recycling-loras.md 3.1). Request, all token ids made by the caller, no defaults:
///
/// { "model": folder, "device", "threads", "memoryBytes": 0 for what is free,
///   "passTokens", "passExamples": most tokens and examples of one pass; a step's examples are cut into passes in their
///       order (the longest always fits),
///   "recompute": "auto" (when memory asks for it; the bits are the same) | "always" | "never",
///   "adapters": [{ "name", "key": text that its random numbers hang on (its content hash),
///       "weightsFile": path | null for a fresh one,
///       "modules": [{ "name", "a", "b": tensor names (also of a file that is written), "rank", "in", "out", "scaling" }],
///       "train": "none" | "b" | "both",
///       "fresh": null | { "a": "uniform" (-1/sqrt(in) .. 1/sqrt(in), PEFT's start) | "normal", "deviation": of normal },
///                B begins at 0; numbers follow from (seed, key, module),
///       "maskFile": null | safetensors with a U8 or BOOL tensor of B's shape, 0 and 1, under every "b" name,
///       "dropout": rate in [0, 1) }],
///   "coefficients": { "train": bool, "granularity": "adapter" | "layer" | "sublayer" | "module" | "unit",
///       "activation": "identity" | "square" | "softmax" (over the adapters that share a place; by unit over those of the
///           same number in a module) | "sigmoid" | "leaky_relu" (slope 0.01 at and below 0),
///       "start": { "kind": "constant" | "first" (value on the first adapter, 0 elsewhere) | "equal" (1 / sqrt(adapters)) |
///                  "uniform" (0 to 1) | "normal" (deviation 0.5), "value": of constant and first } }
///     | null: every coefficient is 1,
///   "objective": { "kind": "cross_entropy" | "entropy" | "tchebycheff", "temperature": of tchebycheff,
///                  "l1": strength of (sum of |raw coefficient|) / (their number) },
///   "train", "validation": [{ "prompt": [ids], "answer": [ids], "group": index }], of at least one each
///   "order": "shuffled" (anew for every time through the examples, from the seed) | "given"; where the examples end within
///       a step it goes on with the first ones of the next time through,
///   "steps", "batch": examples per step,
///   "optimiser": { "rate": of factors, "coefficientRate", "bRatio": rate of B / rate of A (LoRA+), "beta1", "beta2",
///       "epsilon", "weightDecay", "clipNorm": 0 for none, "clipEach": bool, norm of each factor alone (LoRI),
///       "schedule": "constant" | "cosine" | "linear", "warmupSteps" },
///   "validateEvery": steps, "choose": "validation" (the step with the least validation loss, 0 included) | "last",
///   "seed", "checkpointFolder": path, "checkpointEvery": steps, 0 for only at the end and when stopped,
///   "stopFile": path: where it exists after a step, the job ends as if that had been its last one; given again without
///       that file, it goes on,
///   "journalFile": path, "outFile": path }
///
/// cross_entropy: mean of -log p over the tokens of the batch's answers. entropy: mean over the examples of the entropy of
/// the token after the prompt (AdaMerging; answers are not read). tchebycheff: a log sum over groups of exp(H_group / a),
/// H_group the group's mean entropy minus the one it began with (TARA). Validation: the same without l1 and, for
/// tchebycheff, as plain mean entropy.
///
/// Rates: warm-up (t + 1) / warmupSteps for t < warmupSteps, t from 0; then cosine 1/2 (1 + cos(pi (t - w) / (steps - w)))
/// or linear 1 - (t - w) / (steps - w). AdamW, clipping and loss as in the golden README: state in F32, decay decoupled;
/// clipping by the norm of all trained factors after masks; coefficients are not clipped and have no decay unless
/// weightDecay says so for both.
///
/// The journal has one JSON line per event, on the disk when the event is told:
/// { "step": t, "validationLoss", "seconds", "tokens" } for t = 0, every validateEvery steps and the last; and
/// { "step": t from 1, "trainLoss" (before the step), "rate", "gradientNorm", "seconds", "tokens" }. Seconds and tokens
/// count from the beginning of the job, earlier processes included; tokens are those that went through the model, for
/// validation too. A validation loss that is not finite is null. "rate" is that of A, or of coefficients where no factor is
/// trained; "gradientNorm" is of all trained numbers, before clipping.
///
/// A killed job that is given the same request goes on from the last checkpoint in its folder, and its outFile has the
/// bytes of one that ran through; journal lines behind the checkpoint are cut off. Another request in that folder is refused
/// ("checkpoint-invalid"); paths to be written, memory, threads, recompute and checkpointEvery may differ. A cancelled job
/// writes a checkpoint first.
///
/// outFile: for every adapter that is trained, or all where the granularity is "unit", its factors at the chosen step in
/// F32 under their names (granularity unit: coefficients are multiplied into B), written whole and renamed. Where the
/// request has several adapters each name has its adapter's position before it ("0.base_model..."), for adapters name their
/// factors alike. No file where there is none of them.
/// Result: { "chosenStep", "lastStep", "stopped": "done" | "asked" | "diverged" | "not-finite", "where": what was not finite
///   (a module, or "loss"), "value": the loss that ended a diverged job, "startLoss", "chosenLoss", "lastLoss": validation,
///   "coefficients": [[one per module of that adapter, or list per unit]] after the activation, at the chosen step,
///   "raw": likewise, "parameters": trained numbers, "tokens", "seconds", "loadSeconds", "weightBytes", "peakBytes",
///   "estimate": { "weights", "units", "activations", "optimiser", "total", "free" }, "recompute": bool }.
/// Diverged: a training loss above the first one by more than ln(vocabulary); one that is no number ends the job as
/// "not-finite" where "loss". The step that ended it is lastStep + 1, and has changed nothing. The chosen step is
/// kept all the same, also of a job that chooses the last; where even step 0 has no finite validation loss the Error is "loss-not-finite".
/// Progress: stages "planning", "loading" (bytes), "learning" (steps), "finalising".
/// Errors, all before any work: "memory-short" (offering recompute, smaller passes, another rank), "prompt-empty",
/// "prompt-too-long", "answer-empty", "vocabulary-mismatch", "adapter-other-base", "not-finite", "mask-invalid",
/// "request-invalid", "device-unknown".
core::Json run_learn(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

/// { "model", "device", "threads", "memoryBytes", "passTokens", "passExamples", "adapters": as above (train says whose factors' gradients
///   are wanted), "coefficients": [[raw number per module of that adapter]], "activation", "objective": kind,
///   "examples", "outFile": path | null }
/// -> { "loss": mean over all examples' judged tokens, "tokens", "seconds",
///      "gradients": [[d loss / d raw, one per module of that adapter]] }
/// With outFile the gradients of trained factors are written there under their tensor names in F32.
core::Json run_gradients(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

/// The mask of LoRI-S (lego-lori.md 2.3): { "weightsFile", "modules": [{ "name", "b": tensor name }], "sparsity": s,
///   "scope": "adapter" (one threshold over all modules) | "module", "outFile", "threads" }
/// -> { "kept": entries, "total": entries, "threshold": of scope adapter, else null, "modules": [{ "name", "kept" }] }.
/// Keeps the int((1 - s) total) entries of largest |B|, ties with the last of them kept too; the file has a U8 tensor under
/// every "b" name.
core::Json run_sparse_mask(const core::Json& request, core::Progress& progress, const core::CancelToken& cancel);

}  // namespace amalgam::learn
