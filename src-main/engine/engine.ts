import type { JobProgress } from '../contract/job.ts'
import { Refusal } from '../contract/problems.ts'
import type { MergeOutcome, ResolvedMergeJob } from '../contract/recipe.ts'
import type { Device } from '../contract/settings.ts'
import { loadBinding, type LoadedBinding, type NativeBinding } from './binding.ts'
import { describeDevice, threadsToUse } from './devices.ts'
import {
  checkpointOutcomeSchema,
  evaluateOutcomeSchema,
  type CheckpointOutcome,
  type EvaluateOutcome,
  type EvaluateRequest,
} from './evaluate-request.ts'
import {
  gradientsOutcomeSchema,
  sparseMaskOutcomeSchema,
  type GradientsOutcome,
  type GradientsRequest,
  type SparseMaskOutcome,
  type SparseMaskRequest,
} from './gradients-request.ts'
import { learnOutcomeSchema, type LearnOutcome, type LearnRequest } from './learn-request.ts'
import { notBuiltProblem } from './native-errors.ts'
import {
  compareOutcomeSchema,
  devicesSchema,
  inspectOutcomeSchema,
  mergeOutcomeSchema,
  previewOutcomeSchema,
  type CompareOutcome,
  type CompareRequest,
  type InspectOutcome,
  type InspectRequest,
  type NativeProgress,
  type PreviewOutcome,
} from './replies.ts'
import { parseReply, runNative } from './run-native.ts'
import {
  matchedRandomOutcomeSchema,
  similarityOutcomeSchema,
  type MatchedRandomOutcome,
  type MatchedRandomRequest,
  type SimilarityOutcome,
  type SimilarityRequest,
} from './similarity-request.ts'

/** What a running job tells, and the way to stop it. */
export interface MergeRun {
  readonly onProgress?: (progress: JobProgress) => void
  readonly signal?: AbortSignal
}

/** The native core as the rest of the app sees it. Every call rejects with a Refusal for what can be explained, `cancelled` included. */
export interface Engine {
  /** Which device is used and why; also answers when the core is not built. */
  devices(): Device
  /** Names of the GPUs that base models can run on, "cuda:0" first; where there is none, the reason in words. */
  accelerators(): { readonly names: readonly string[]; readonly reason: string }
  /** Writes the merged factors to `outFile` (streaming, fsynced); on any failure the partial file is removed by the core. */
  merge(job: ResolvedMergeJob, outFile: string, run?: MergeRun): Promise<MergeOutcome>
  /** The same mathematics with nothing written; reads at most `maxBytes` of the sources. */
  preview(job: ResolvedMergeJob, maxBytes: number, run?: { readonly signal?: AbortSignal }): Promise<PreviewOutcome>
  /** Reads every tensor of a weights file once: finite or not, norms, shares of zeros. */
  inspect(request: InspectRequest, signal?: AbortSignal): Promise<InspectOutcome>
  /** Inner products between updates, each to 1e-6 of the product of the two norms; every file is read once. */
  compare(request: CompareRequest, run?: MergeRun): Promise<CompareOutcome>
  /**
   * Does the pairs of subjects and items and appends a line for each to `request.outFile`; whatever ends it, the lines of the batches
   * that were done stay. Stages: "planning" (bytes needed of those free), "loading" (bytes), "evaluating" (examples).
   */
  evaluate(request: EvaluateRequest, run?: MergeRun): Promise<EvaluateOutcome>
  /** Reads config.json and the headers of the weights in a checkpoint's folder, and plans the memory it takes on every device. */
  checkpoint(folder: string, signal?: AbortSignal): Promise<CheckpointOutcome>
  /**
   * Tunes coefficients, trains factors, or both. The same request goes on from the last checkpoint in its folder. A cancelled job writes a
   * checkpoint and rejects. Stages: "planning", "loading" (bytes), "learning" (steps), "finalising".
   */
  learn(request: LearnRequest, run?: MergeRun): Promise<LearnOutcome>
  /** The loss over the examples and its gradients, at given coefficients. */
  gradients(request: GradientsRequest, run?: MergeRun): Promise<GradientsOutcome>
  /** Writes the mask over the largest entries of B (LoRI-S). */
  sparseMask(request: SparseMaskRequest, run?: MergeRun): Promise<SparseMaskOutcome>
  /** How near candidates are to one query, entry by entry of their updates. */
  similarity(request: SimilarityRequest, run?: MergeRun): Promise<SimilarityOutcome>
  /** Writes adapters of random numbers whose deviations are those of the given ones, module by module. */
  matchedRandom(request: MatchedRandomRequest, run?: MergeRun): Promise<MatchedRandomOutcome>
}

/**
 * The engine over the native addon, loaded at the first call. `threads` is asked for at each call: 0 means all cores but one.
 * `load` is replaced in tests of the mapping.
 */
export function createEngine(options: { readonly threads: number | (() => number); readonly load?: () => LoadedBinding }): Engine {
  const { load = loadBinding } = options
  let loaded: LoadedBinding | undefined

  function binding(): NativeBinding {
    loaded ??= load()
    if (loaded.binding === null) throw new Refusal([notBuiltProblem(loaded.reason)])
    return loaded.binding
  }
  const listeners = ({ onProgress, signal }: MergeRun) => ({
    ...(onProgress && { onProgress: (progress: NativeProgress) => onProgress(jobProgress(progress)) }),
    ...(signal && { signal }),
  })
  const threads = () => threadsToUse(typeof options.threads === 'function' ? options.threads() : options.threads)

  return {
    devices() {
      loaded ??= load()
      if (loaded.binding === null) return describeDevice(null, loaded.reason, threads())
      return describeDevice(parseReply(devicesSchema, loaded.binding.devices(), 'list of devices'), '', threads())
    },
    accelerators() {
      loaded ??= load()
      if (loaded.binding === null) return { names: [], reason: `the native core is not built: ${loaded.reason}` }
      const { cuda } = parseReply(devicesSchema, loaded.binding.devices(), 'list of devices')
      return { names: cuda.available ? cuda.devices.map(({ name }) => name) : [], reason: cuda.reason || 'no GPU was found' }
    },
    async merge(job, outFile, run = {}) {
      return runNative(binding(), 'merge', { job, outFile, threads: threads() }, mergeOutcomeSchema, listeners(run))
    },
    async preview(job, maxBytes, { signal } = {}) {
      return runNative(binding(), 'preview', { job, maxBytes, threads: 1 }, previewOutcomeSchema, { ...(signal && { signal }) })
    },
    async inspect(request, signal) {
      return runNative(binding(), 'inspect', { ...request, threads: 1 }, inspectOutcomeSchema, { ...(signal && { signal }) })
    },
    async compare(request, run = {}) {
      return runNative(binding(), 'compare', { ...request, threads: threads() }, compareOutcomeSchema, listeners(run))
    },
    async evaluate(request, run = {}) {
      return runNative(binding(), 'evaluate', { ...request, threads: threads() }, evaluateOutcomeSchema, listeners(run))
    },
    async checkpoint(folder, signal) {
      return runNative(binding(), 'checkpoint', { folder }, checkpointOutcomeSchema, { ...(signal && { signal }) })
    },
    async learn(request, run = {}) {
      return runNative(binding(), 'learn', { ...request, threads: threads() }, learnOutcomeSchema, listeners(run))
    },
    async gradients(request, run = {}) {
      return runNative(binding(), 'gradients', { ...request, threads: threads() }, gradientsOutcomeSchema, listeners(run))
    },
    async sparseMask(request, run = {}) {
      return runNative(binding(), 'sparse-mask', { ...request, threads: threads() }, sparseMaskOutcomeSchema, listeners(run))
    },
    async similarity(request, run = {}) {
      return runNative(binding(), 'similarity', { ...request, threads: threads() }, similarityOutcomeSchema, listeners(run))
    },
    async matchedRandom(request, run = {}) {
      return runNative(binding(), 'matched-random', { ...request, threads: threads() }, matchedRandomOutcomeSchema, listeners(run))
    },
  }
}

function jobProgress({ stage, done, total, rate, unit, etaSeconds }: NativeProgress): JobProgress {
  return { stage, fraction: total > 0 ? Math.min(1, done / total) : 0, rate: Math.max(0, rate), unit, etaSeconds }
}
