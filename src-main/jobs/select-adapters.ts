import { errorProblem, Refusal } from '../contract/problems.ts'
import { choiceOf } from './adapt-params.ts'
import { noCost } from './adapt-result.ts'
import { chosenCount } from './adapt-size.ts'
import type { AdaptContext, AdaptServices, ChosenAdapters, ResolvedAdaptation } from './adapt-types.ts'

/** The adapters that are merged: one's own first where that is asked for, then those of the pool that the strategy puts first. */
export function chooseAdapters(adaptation: ResolvedAdaptation, _services: AdaptServices, _context: AdaptContext): Promise<ChosenAdapters> {
  const { params, pool, own } = adaptation
  const id = choiceOf(params, 'selection')
  if (id !== 'manual' && id !== 'all') {
    const problem = errorProblem('parameter-invalid', `The selection "${id}" is not part of this build.`, {
      where: { field: 'params.selection' },
    })
    return Promise.reject(new Refusal([problem]))
  }
  const all = own && params['ownFirst'] === true ? [own, ...pool] : pool
  const chosen = all.slice(0, chosenCount(adaptation))
  const selected = all.map((adapter, index) => ({
    ...{ adapterId: adapter.id, name: adapter.name, value: null, place: index < chosen.length ? index : null, reason: null },
  }))
  return Promise.resolve({ selected, chosen, cost: noCost })
}
