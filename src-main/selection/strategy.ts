import type { MetricEntry } from '../contract/metrics.ts'

/** Sums over the entries of a candidate's update C and of the query's T, over the union of their modules; a missing module is 0. */
export interface SimilaritySums {
  readonly dot: number
  /** The inner product of each module. */
  readonly modules: readonly number[]
  readonly norm2: number
  readonly queryNorm2: number
  /** Σ max(C T, 0); this and those below are null where updates were not formed. */
  readonly clampSum: number | null
  readonly absSum: number | null
  readonly squaresDot: number | null
  readonly squaresNorm2: number | null
  readonly querySquaresNorm2: number | null
}

/** What is known of one adapter of the pool. Only what its strategy asks for is there; null where it could not be had. */
export interface CandidateFacts {
  /** The largest rank of its modules. */
  readonly rank: number
  /** Uniform in [0, 1), from the seed. */
  readonly draw: number
  /** The task's metric of the adapter alone on the training examples. */
  readonly metric: { readonly value: number; readonly direction: MetricEntry['direction'] } | null
  /** The mean loss of the answers of the adapter alone on the training examples, in nats per token. */
  readonly loss: number | null
  /** Σ over modules of the derivative of the loss in the adapter's coefficient at 0, and the Frobenius norm of its update. */
  readonly gradient: { readonly sum: number; readonly updateNorm: number } | null
  readonly similarity: SimilaritySums | null
  /** Why a fact that was asked for is not there, in words. */
  readonly missing: string | null
}

/** What must be found out about the candidates before a strategy can value them. */
export type NeededFacts = 'nothing' | 'metric' | 'loss' | 'gradient' | 'factors' | 'dense'

/** The arithmetic of one selection strategy. */
export interface Strategy {
  readonly needs: NeededFacts
  /** The value, larger is chosen first; null where the facts are missing. A strategy without one takes the pool in its order. */
  readonly value: ((facts: CandidateFacts) => number | null) | null
  /** It takes every adapter, whatever K says. */
  readonly takesAll?: true
}

/** Keeps cosines of very small updates finite (recycling-loras.md 2.1). */
const smallest = 1e-6

/** A sum over products of entries, relative to the norms of both updates. */
export function perNorms(sum: number, { norm2, queryNorm2 }: Pick<SimilaritySums, 'norm2' | 'queryNorm2'>): number {
  return sum / Math.sqrt(norm2 * queryNorm2 + smallest)
}

/** A sum for which updates must have been formed. */
export function formed(sum: number | null): number {
  if (sum === null) throw new Error('the updates were not formed for a strategy that needs their entries')
  return sum
}
