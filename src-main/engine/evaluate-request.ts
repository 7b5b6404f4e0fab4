import * as v from 'valibot'
import { readJsonLines } from './json-lines.ts'

/** A target module of an adapter of an evaluation: names of its factors in the file, and the sides of the base matrix. */
export interface EvaluateModule {
  readonly name: string
  readonly a: string
  readonly b: string
  readonly rank: number
  readonly in: number
  readonly out: number
  readonly scaling: number
}

/** One adapter that subjects may use. `name` is for problems. */
export interface EvaluateAdapter {
  readonly name: string
  readonly weightsFile: string
  readonly modules: readonly EvaluateModule[]
}

/** What one subject takes of one adapter: one coefficient, or one for each module of that adapter, in its order. */
export interface EvaluateTerm {
  readonly adapter: number
  readonly coefficients: number | readonly number[]
}

/** One model to be evaluated: the base model with the sum of its terms, or the base model alone where there is none. */
export interface EvaluateSubject {
  readonly name: string
  readonly terms: readonly EvaluateTerm[]
}

/** What is wanted of an item: greedy continuation, log-likelihood of each choice, or log-likelihood of one answer. */
export type EvaluateAsk =
  | { readonly kind: 'generate'; readonly maxNewTokens: number; readonly stop: readonly number[] }
  | { readonly kind: 'choices'; readonly choices: readonly (readonly number[])[] }
  | { readonly kind: 'loss'; readonly answer: readonly number[] }

/** A prompt of at least one token and what is asked of it. Choices and answers have at least one token. */
export interface EvaluateItem {
  readonly prompt: readonly number[]
  readonly ask: EvaluateAsk
}

/** Request of an evaluation (native/eval/evaluate.h). The engine adds the threads. */
export interface EvaluateRequest {
  /** Folder of the checkpoint. */
  readonly model: string
  /** "cpu" or "cuda:0". */
  readonly device: string
  /** Most memory to use in bytes, 0 for what is free. */
  readonly memoryBytes: number
  /** Most tokens of a forward pass (the longest example always fits), 0 for the planner's choice. */
  readonly batchTokens: number
  readonly adapters: readonly EvaluateAdapter[]
  readonly subjects: readonly EvaluateSubject[]
  readonly items: readonly EvaluateItem[]
  /** Pairs of positions in `subjects` and `items`, in any order. */
  readonly work: readonly (readonly [subject: number, item: number])[]
  /** JSON lines are appended here, on the disk after every batch; read them with readEvaluateLines. */
  readonly outFile: string
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const finite = v.pipe(v.number(), v.finite())
const pair = { subject: count, item: count }

/** A pair that could not be done, with the code of its problem ("logits-not-finite", "prompt-too-long") and what happened in words. */
export const failedLineSchema = v.object({ ...pair, problem: v.string(), message: v.string() })
/** `tokens` without the stop token; `ended` when one came; `logProbability` of all of them with the stop token, natural logarithm. */
export const generatedLineSchema = v.object({
  ...pair,
  seconds: finite,
  tokens: v.array(count),
  ended: v.boolean(),
  logProbability: finite,
})
/** The sum over the tokens of each choice. */
export const choicesLineSchema = v.object({ ...pair, seconds: finite, logProbabilities: v.array(finite) })
/** The sum over the `count` tokens of the answer. */
export const lossLineSchema = v.object({ ...pair, seconds: finite, logProbability: finite, count })

/** One line of an evaluation's file; which it is shows by the members it has. `seconds` is the pair's share of its batches. */
export const evaluateLineSchema = v.union([failedLineSchema, generatedLineSchema, choicesLineSchema, lossLineSchema])
export type EvaluateLine = v.InferOutput<typeof evaluateLineSchema>
export type FailedLine = v.InferOutput<typeof failedLineSchema>
export type GeneratedLine = v.InferOutput<typeof generatedLineSchema>
export type ChoicesLine = v.InferOutput<typeof choicesLineSchema>
export type LossLine = v.InferOutput<typeof lossLineSchema>

/**
 * The lines of an evaluation's file. A last line that does not end was torn by a crash and is left out: its pair is not done.
 * Any other line that is not what the core writes is thrown as an Error that names it.
 */
export function readEvaluateLines(text: string): readonly EvaluateLine[] {
  return readJsonLines(text, evaluateLineSchema, "evaluation's file")
}

/** What a finished evaluation reports. The estimate was made before it started, in bytes. */
export const evaluateOutcomeSchema = v.object({
  /** Pairs whose line was written, failed ones included. */
  done: count,
  /** Tokens that went through the model. */
  tokens: count,
  seconds: finite,
  loadSeconds: finite,
  weightBytes: finite,
  peakBytes: finite,
  estimate: v.object({ weights: finite, units: finite, cache: finite, activations: finite, total: finite, free: finite }),
})
export type EvaluateOutcome = v.InferOutput<typeof evaluateOutcomeSchema>

/** Facts of a checkpoint's folder, from its config.json and the headers of its weights. */
export const checkpointOutcomeSchema = v.object({
  family: v.picklist(['llama', 'mistral', 'qwen2', 'qwen3']),
  /** "F32", "F16" or "BF16". */
  dtype: v.string(),
  parameters: count,
  weightBytes: count,
  /** Weight files, absolute. */
  files: v.array(v.string()),
  vocabulary: count,
  hidden: count,
  layers: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  intermediate: count,
  maxPositions: count,
  tied: v.boolean(),
  endTokens: v.array(count),
  modules: v.array(v.object({ name: v.string(), in: count, out: count })),
  /** For each device the bytes that scoring batches of 2048 tokens needs, and what is free now. */
  memory: v.array(v.object({ device: v.string(), needs: finite, free: finite })),
})
export type CheckpointOutcome = v.InferOutput<typeof checkpointOutcomeSchema>
