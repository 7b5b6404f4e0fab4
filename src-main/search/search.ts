import * as v from 'valibot'
import { startCmaEs } from './cma-es.ts'
import { startGrid } from './grid.ts'
import { startNelderMead } from './nelder-mead.ts'
import type { StartOptimiser } from './optimiser.ts'
import { candidateAt, checkSpace, pointOf, type Candidate, type Dimension } from './space.ts'
import { startUniform } from './uniform.ts'

/** Every optimiser, as parameter `optimiser` of the arm "search" names it (contract/tuners.ts). */
export const optimisers = {
  cma_es: startCmaEs,
  nelder_mead: startNelderMead,
  random: startUniform,
  grid: startGrid,
} as const satisfies Readonly<Record<string, StartOptimiser>>
export type OptimiserId = keyof typeof optimisers

/** How a search is begun. */
export interface SearchOptions {
  readonly seed: number
  /** Tried first, exactly as it is. */
  readonly start: Candidate
  /** Candidates of one generation, 0 for what the optimiser recommends. */
  readonly population: number
  /** Candidates in all, the start counted. */
  readonly trials: number
}

/** A search of a box for the least value of a function that others compute: ask for candidates, tell their values, and so on. */
export interface Search {
  /** The candidates of the next generation, the same ones until they are told; empty when the search is over. */
  ask(): readonly Candidate[]
  /** Values of the candidates asked for, in their order, smaller is better; null for one that could not be evaluated. Never all of them again. */
  tell(values: readonly (number | null)[]): void
  /** What createSearch goes on from with the same candidates, as JSON values: of the time before the candidates that are not told yet. */
  state(): unknown
  /** Candidates told so far, and generations. */
  readonly told: number
  readonly generations: number
}

const stateSchema = v.object({
  told: v.number(),
  generations: v.number(),
  /** Null where the start could not be evaluated or was not told yet. */
  startValue: v.nullable(v.number()),
  /** The last generation was cut because the trials ran out, and the optimiser did not hear of it. */
  ended: v.boolean(),
  optimiser: v.unknown(),
})

/**
 * Begins a search, or goes on with one from its state. Everything follows from the arguments and what is told; the same seed gives the same candidates.
 * RangeError for a space without dimensions or a start outside of it.
 */
export function createSearch(id: OptimiserId, space: readonly Dimension[], options: SearchOptions, saved?: unknown): Search {
  const { seed, start, population, trials } = options
  checkSpace(space, start)
  const from = saved === undefined ? { told: 0, generations: 0, startValue: null, ended: false } : v.parse(stateSchema, saved)
  const setting = { space, start: pointOf(space, start), seed, population, trials: trials - 1 }
  const optimiser = optimisers[id](setting, 'optimiser' in from ? from.optimiser : undefined)
  let { told, generations, startValue, ended } = from

  /** With the first generation comes the start itself. */
  const lead = (): number => (generations === 0 ? 1 : 0)
  const wanted = (): readonly Candidate[] => [
    ...(lead() === 1 ? [start] : []),
    ...optimiser.ask().map((point) => candidateAt(space, point)),
  ]
  const ask = (): readonly Candidate[] => (ended ? [] : wanted().slice(0, Math.max(0, trials - told)))

  return {
    ask,
    tell(values) {
      const asked = ask()
      if (values.length !== asked.length || asked.length === 0)
        throw new RangeError(`${values.length} values for ${asked.length} candidates`)
      const worths = values.map((value) => (value === null || Number.isNaN(value) ? Infinity : value))
      if (lead() === 1) startValue = Number.isFinite(worths[0]!) ? worths[0]! : null
      ended = asked.length < wanted().length
      if (!ended) optimiser.tell(worths.slice(lead()), startValue ?? Infinity)
      told += asked.length
      generations += 1
    },
    state: () => ({ told, generations, startValue, ended, optimiser: optimiser.state() }),
    get told() {
      return told
    },
    get generations() {
      return generations
    },
  }
}
