import { truths, verdictsUnder, wholePath } from '../helpers/planted-truth.ts'
import type { Measure, Trial } from './trial.ts'

const plans = 2000
const examples = 300
/** Most of the plans without an effect of the content that may say there is one. */
const mostFalse = 0.05

/** Error rates of the verdict where the truth is known. */
export const verdictErrors: Trial = {
  name: 'verdict',
  summary: 'Shares of 2,000 simulated plans of one task with 300 test examples in which each verdict is given, where the truth is known',
  run() {
    return Promise.resolve(
      Object.entries(truths).flatMap(([name, truth]): Measure[] => {
        const counts = verdictsUnder(truth, plans, examples, wholePath)
        const said = [...counts].map(([outcome, count]) => `${outcome} ${((100 * count) / plans).toFixed(2)} %`).join(', ')
        const isNull = truth.mergedWithOwn <= truth.randomWithOwn
        const value = (counts.get('recycling-helps') ?? 0) / plans
        return [{ name: `"recycling helps" where ${name}`, value, unit: 'of plans', note: said, ...(isNull && { limit: mostFalse }) }]
      }),
    )
  },
}
