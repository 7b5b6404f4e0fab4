import * as v from 'valibot'
import type { EvaluateAdapter } from './evaluate-request.ts'

/** Request of the job "similarity" (native/lora/similarity.h): every candidate with one query. The engine adds the threads. */
export interface SimilarityRequest {
  readonly query: EvaluateAdapter
  readonly candidates: readonly EvaluateAdapter[]
  /** Whether the sums over entries are wanted, which form the updates tile by tile. */
  readonly dense: boolean
}

const finite = v.pipe(v.number(), v.finite())

/** Sums over the entries of the candidate's update C and the query's T; a module that one lacks is 0 there. */
export const similaritySchema = v.object({
  /** The sum of `modules`. */
  dot: finite,
  /** One inner product for each module of the union of both. */
  modules: v.array(finite),
  norm2: finite,
  queryNorm2: finite,
  /** Σ max(C T, 0); this and those below are null where only factors were used. */
  clampSum: v.nullable(finite),
  /** Σ |C T| */
  absSum: v.nullable(finite),
  /** Σ C² T² */
  squaresDot: v.nullable(finite),
  /** Σ C⁴ */
  squaresNorm2: v.nullable(finite),
  /** Σ T⁴ */
  querySquaresNorm2: v.nullable(finite),
})
export type Similarity = v.InferOutput<typeof similaritySchema>

/** One for each candidate, in the order of the request. */
export const similarityOutcomeSchema = v.object({ candidates: v.array(similaritySchema) })
export type SimilarityOutcome = v.InferOutput<typeof similarityOutcomeSchema>

/** Request of the job "matched-random" (native/lora/similarity.h): adapters of random numbers with the deviations of real ones. */
export interface MatchedRandomRequest {
  /** Each real one with the file that its random stand-in is written to, under the same names and shapes. */
  readonly adapters: readonly (EvaluateAdapter & { readonly outFile: string })[]
  readonly seed: number
}

/** The deviations that were matched: of all entries of A, and of B, of a module over all the adapters. */
export const matchedRandomOutcomeSchema = v.object({
  modules: v.array(v.object({ name: v.string(), deviationA: finite, deviationB: finite })),
})
export type MatchedRandomOutcome = v.InferOutput<typeof matchedRandomOutcomeSchema>
