import type { AdapterDetail } from '../contract/adapter.ts'
import { findMethod } from '../contract/methods.ts'
import type { ResolvedMergeJob } from '../contract/recipe.ts'

/** What a merge takes of one of its adapters: one coefficient, or one for each of the adapter's modules in its order. */
export interface MergeTerm {
  /** Place in the job's adapters. */
  readonly adapter: number
  readonly coefficients: number | readonly number[]
}

/**
 * The merge as a sum of its adapters' updates at coefficients, exactly as the resolved job has them; null where the method makes anything else of
 * them. `cut` says that the job would keep less than the whole sum. `adapters` in the job's order; one that stands there twice makes one term.
 */
export function plainTerms(job: ResolvedMergeJob, adapters: readonly AdapterDetail[], cut: boolean): readonly MergeTerm[] | null {
  const factor = factorOf(job, cut)
  if (factor === null) return null
  const sourcesOf = new Map(job.modules.map(({ name, sources }) => [name, sources]))
  const first = new Map<string, number>()
  job.adapters.forEach(({ id }, index) => first.set(id, first.get(id) ?? index))
  return [...first].map(([id, adapter]) => {
    const coefficients = adapters[adapter]!.modules.map(({ name }) => {
      const sources = sourcesOf.get(name) ?? []
      return sources
        .filter((source) => job.adapters[source.adapter]?.id === id)
        .reduce((sum, { coefficient }) => sum + factor * coefficient, 0)
    })
    const [one = 0] = coefficients
    return { adapter, coefficients: coefficients.every((value) => value === one) ? one : coefficients }
  })
}

/** By which the coefficients of the job are multiplied in the sum; null where the result is not that sum. */
function factorOf(job: ResolvedMergeJob, cut: boolean): number | null {
  switch (findMethod(job.method)?.id) {
    case 'concat':
      return 1
    case 'linear':
      return cut ? null : 1
    case 'average':
      // The mean over all adapters, also where one lacks a module.
      return cut ? null : 1 / job.adapters.length
    case 'peft_linear':
      // Sums of factors hold cross products, except where no module has two sources.
      return job.modules.every(({ sources }) => sources.length === 1) ? 1 : null
    default:
      return null
  }
}
