import * as v from 'valibot'
import type { LearnActivation, LearnAdapter, LearnExample, LearnObjectiveKind, LearnPlace } from './learn-request.ts'

/** Request of the job "gradients" (native/learn/learn.h): one pass over all examples, nothing moves. The engine adds the threads. */
export interface GradientsRequest extends LearnPlace {
  /** `train` says whose factors' gradients are wanted. */
  readonly adapters: readonly LearnAdapter[]
  /** The raw numbers: one per module of each adapter. */
  readonly coefficients: readonly (readonly number[])[]
  readonly activation: LearnActivation
  readonly objective: LearnObjectiveKind
  readonly examples: readonly LearnExample[]
  /** Gradients of trained factors are written here under their names; null for none. */
  readonly outFile: string | null
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const finite = v.pipe(v.number(), v.finite())

/** The mean loss over the judged tokens of all examples, and its derivative in every raw number, one per module of each adapter. */
export const gradientsOutcomeSchema = v.object({ loss: finite, tokens: count, seconds: finite, gradients: v.array(v.array(finite)) })
export type GradientsOutcome = v.InferOutput<typeof gradientsOutcomeSchema>

/** Request of the job "sparse-mask" (native/learn/learn.h): the mask of LoRI-S over the largest entries of B. */
export interface SparseMaskRequest {
  readonly weightsFile: string
  readonly modules: readonly { readonly name: string; readonly b: string }[]
  /** Share of the entries that are not kept, from 0 to below 1. */
  readonly sparsity: number
  /** One threshold over the whole adapter, or one for each module. */
  readonly scope: 'adapter' | 'module'
  /** Written with a U8 tensor under every name of B. */
  readonly outFile: string
}

/** Entries kept of all; the threshold is that of scope "adapter", null otherwise. */
export const sparseMaskOutcomeSchema = v.object({
  kept: count,
  total: count,
  threshold: v.nullable(finite),
  modules: v.array(v.object({ name: v.string(), kept: count })),
})
export type SparseMaskOutcome = v.InferOutput<typeof sparseMaskOutcomeSchema>
