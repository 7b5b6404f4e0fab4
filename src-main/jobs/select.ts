import type { AdaptationDetail, Selected } from '../contract/adapt.ts'
import { costOf } from './adapt-result.ts'
import type { AdaptWork } from './adapt-types.ts'
import { chooseAdapters } from './select-adapters.ts'

/** What a selection found. */
export interface SelectResult {
  readonly selected: readonly Selected[]
  readonly cost: AdaptationDetail['cost']
}

/** Ranks the pool for a task, and makes nothing. */
export const runSelect: AdaptWork = async (adaptation, services, context) => {
  const { selected, cost: spent } = await chooseAdapters(adaptation, services, context)
  const cost = costOf(adaptation, spent)
  context.update({ selection: [...selected], cost })
  const result: SelectResult = { selected, cost }
  return { adapterId: null, result, problems: [] }
}
