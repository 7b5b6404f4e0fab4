import { measuredOf, runContenders, standards } from './adapt-measure.ts'
import { costOf, type AdaptResult } from './adapt-result.ts'
import type { AdaptWork } from './adapt-types.ts'
import { chooseAdapters } from './select-adapters.ts'

/** The control "best single adapter": the first of the selection, measured as it is. Nothing is made. */
export const runBestSingle: AdaptWork = async (adaptation, services, context) => {
  const { selected, chosen, cost: spent } = await chooseAdapters(adaptation, services, context)
  const [best] = chosen
  if (!best) throw new Error('a selection without an adapter')
  const cost = costOf(adaptation, spent)
  context.update({ selection: [...selected], cost })
  const contenders = [
    ...standards(adaptation),
    { what: 'result', subject: { kind: 'adapter', adapterId: best.id, coefficient: 1 } } as const,
  ]
  const measured = measuredOf(contenders, await runContenders(contenders, adaptation, services, context))
  const rank = Math.max(...best.modules.map((module) => module.rank))
  context.update({ form: { rank, exact: true, keptEnergy: 1, measured } })
  const nothing = { path: null, chosenStep: null, startLoss: null, chosenLoss: null, stopped: null }
  const result: AdaptResult = { adapterId: best.id, ...nothing, measured, cost }
  return { adapterId: best.id, result, problems: [] }
}
