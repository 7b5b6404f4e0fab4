import { selectionOf, type SelectionId } from '../contract/selection.ts'
import { strategies } from './index.ts'
import type { CandidateFacts } from './strategy.ts'

/** How many are taken of the ranked candidates. */
export interface Places {
  /** Adapters that are merged, one's own counted when it is put first; at least 1. */
  readonly k: number
  /** The first place is taken, by one's own. */
  readonly ownFirst: boolean
  /** So many of the best are left out. */
  readonly skip: number
}

/** What became of a candidate. */
export interface Ranked {
  /** The strategy's value; null where it gives none, or none that is finite. */
  readonly value: number | null
  /** Place among the chosen, from 0; null when it is not chosen. */
  readonly place: number | null
  /** Why not, where it is not for its value. */
  readonly reason: string | null
}

/**
 * Values the candidates and places the chosen ones: larger values first, ties in the order of the pool. Who has no finite value is never chosen.
 * A strategy without values takes the pool in its order, whose first ones are the best that `skip` leaves out; one that takes all leaves nobody out.
 */
export function rankCandidates(id: SelectionId, candidates: readonly CandidateFacts[], { k, ownFirst, skip }: Places): readonly Ranked[] {
  const { value, takesAll = false } = strategies[id]
  const values = candidates.map((facts) => (value ? value(facts) : 0))
  const usable = candidates.flatMap((_, index) => (Number.isFinite(values[index]) ? [index] : []))
  const ranked = usable.sort((left, right) => values[right]! - values[left]! || left - right)
  const taken = ownFirst ? 1 : 0
  const skipped = takesAll ? 0 : skip
  const chosen = ranked.slice(skipped, takesAll ? undefined : skipped + Math.max(0, k - taken))
  const places = new Map(chosen.map((index, place) => [index, place + taken]))
  const leftOut = new Set(ranked.slice(0, skipped))
  const isShown = selectionOf(id).ranks
  return candidates.map((facts, index) => {
    const own = values[index] ?? null
    const isFinite = own !== null && Number.isFinite(own)
    return {
      value: isFinite && isShown ? own : null,
      place: places.get(index) ?? null,
      reason: isFinite ? (leftOut.has(index) ? `It is among the best ${skip}, which are left out.` : null) : whyUnusable(own, facts),
    }
  })
}

function whyUnusable(value: number | null, { missing }: CandidateFacts): string {
  if (value === null) return missing ?? 'It has no value.'
  return `Its value is ${Number.isNaN(value) ? 'not a number' : 'infinite'}.`
}
