import * as v from 'valibot'
import type { EvaluateModule } from './evaluate-request.ts'

/** Which factors of an adapter move: none, B alone, or A and B. */
export type Trained = 'none' | 'b' | 'both'

/** How A of a fresh adapter begins: within ±1/√in, or normal with a deviation. B begins at 0. */
export type FreshStart = { readonly a: 'uniform' } | { readonly a: 'normal'; readonly deviation: number }

/** One adapter of a learning job. `name` is for problems, `key` (its content hash) is what its random numbers hang on. */
export interface LearnAdapter {
  readonly name: string
  readonly key: string
  /** Null for a fresh one. */
  readonly weightsFile: string | null
  /** Names of the factors, also in a file that is written. */
  readonly modules: readonly EvaluateModule[]
  readonly train: Trained
  readonly fresh: FreshStart | null
  /** A safetensors file with a mask of 0 and 1 under every name of B. */
  readonly maskFile: string | null
  /** Share of the inputs of A that are dropped while learning, from 0 to below 1. */
  readonly dropout: number
}

/** What shares one coefficient. */
export type LearnGranularity = 'adapter' | 'layer' | 'sublayer' | 'module' | 'unit'
/** What makes a coefficient of a raw number; leaky ReLU has slope 0.01 at and below 0, softmax goes over the adapters of a module. */
export type LearnActivation = 'identity' | 'square' | 'softmax' | 'sigmoid' | 'leaky_relu'
/** What the raw numbers begin with; the value belongs to "constant" and "first". */
export interface LearnStart {
  readonly kind: 'constant' | 'first' | 'equal' | 'uniform' | 'normal'
  readonly value: number
}

export interface LearnCoefficients {
  readonly train: boolean
  readonly granularity: LearnGranularity
  readonly activation: LearnActivation
  readonly start: LearnStart
}

export type LearnObjectiveKind = 'cross_entropy' | 'entropy' | 'tchebycheff'
/** What is made small; `temperature` belongs to tchebycheff, `l1` is the strength of the mean absolute raw coefficient. */
export interface LearnObjective {
  readonly kind: LearnObjectiveKind
  readonly temperature: number
  readonly l1: number
}

/** A prompt and its answer as tokens, each at least one; `group` is a position among the groups of the tchebycheff objective. */
export interface LearnExample {
  readonly prompt: readonly number[]
  readonly answer: readonly number[]
  readonly group: number
}

/** AdamW and its rates: of factors, of coefficients, and of B over A (LoRA+). */
export interface LearnOptimiser {
  readonly rate: number
  readonly coefficientRate: number
  readonly bRatio: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** 2-norm above which gradients of factors are scaled down, 0 for never; of all together, or of each factor alone. */
  readonly clipNorm: number
  readonly clipEach: boolean
  readonly schedule: 'constant' | 'cosine' | 'linear'
  readonly warmupSteps: number
}

/** Where a learning job runs and how much it may take. The engine adds the threads. */
export interface LearnPlace {
  /** Folder of the checkpoint. */
  readonly model: string
  /** "cpu" or "cuda:0". */
  readonly device: string
  /** Most memory to use in bytes, 0 for what is free. */
  readonly memoryBytes: number
  /** Most tokens and examples of one pass; the longest example always fits. */
  readonly passTokens: number
  readonly passExamples: number
}

/** Request of the job "learn" (native/learn/learn.h). There are no test examples in it, and no way to name them. */
export interface LearnRequest extends LearnPlace {
  /** Whether activations are computed twice instead of kept; the bits are the same. */
  readonly recompute: 'auto' | 'always' | 'never'
  readonly adapters: readonly LearnAdapter[]
  /** Null: every coefficient is 1. */
  readonly coefficients: LearnCoefficients | null
  readonly objective: LearnObjective
  readonly train: readonly LearnExample[]
  readonly validation: readonly LearnExample[]
  readonly order: 'shuffled' | 'given'
  readonly steps: number
  /** Examples of a step. */
  readonly batch: number
  readonly optimiser: LearnOptimiser
  readonly validateEvery: number
  readonly choose: 'validation' | 'last'
  readonly seed: number
  readonly checkpointFolder: string
  /** Steps between checkpoints, 0 for only at the end and when stopped. */
  readonly checkpointEvery: number
  /** Where this file exists after a step, the job ends as if that had been its last one. */
  readonly stopFile: string
  /** JSON lines, read with readLearnLines. */
  readonly journalFile: string
  /** Factors at the chosen step. Not written where nothing of a file changes. */
  readonly outFile: string
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const finite = v.pipe(v.number(), v.finite())
/** One per module of the adapter, in its order; one per rank unit where the granularity is "unit". */
const perModule = v.array(v.array(v.union([finite, v.array(finite)])))

/** What a finished learning job reports. Losses are validation losses; bytes of the estimate were planned before it started. */
export const learnOutcomeSchema = v.object({
  chosenStep: count,
  lastStep: count,
  stopped: v.picklist(['done', 'asked', 'diverged', 'not-finite']),
  /** What was not finite: a target module, or "loss". */
  where: v.nullable(v.string()),
  /** The loss that ended a diverged job; null where it was no number. */
  value: v.nullable(finite),
  startLoss: v.nullable(finite),
  chosenLoss: finite,
  lastLoss: v.nullable(finite),
  /** After the activation, at the chosen step. */
  coefficients: perModule,
  /** Before the activation. */
  raw: perModule,
  /** Numbers that were learned. */
  parameters: count,
  tokens: count,
  seconds: finite,
  loadSeconds: finite,
  weightBytes: finite,
  peakBytes: finite,
  estimate: v.object({ weights: finite, units: finite, activations: finite, optimiser: finite, total: finite, free: finite }),
  recompute: v.boolean(),
})
export type LearnOutcome = v.InferOutput<typeof learnOutcomeSchema>
