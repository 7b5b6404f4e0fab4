import { costOf, type AdaptResult } from './adapt-result.ts'
import type { AdaptWork } from './adapt-types.ts'
import { chosenOf, makeSearched } from './search-output.ts'
import { runTrials } from './search-run.ts'
import { chooseAdapters } from './select-adapters.ts'

/** Chooses adapters, searches their coefficients or the parameters of a merge method without gradients, and makes an adapter of the best trial. */
export const runSearch: AdaptWork = async (adaptation, services, context) => {
  const { selected, chosen, cost: spent } = await chooseAdapters(adaptation, services, context)
  const selection = [...selected]
  context.update({ selection, cost: costOf(adaptation, spent) })
  const searched = await runTrials(adaptation, chosen, spent, services, context)
  const { journal, best, stopped } = searched
  const { written, form, problems } = await makeSearched(adaptation, services, context, { searched, chosen, selection })
  context.update({ trials: journal.trials.map((trial) => (trial.index === best ? { ...trial, adapterId: written.id } : trial)) })
  const result: AdaptResult = {
    ...{ adapterId: written.id, path: written.path, stopped, measured: form.measured },
    ...chosenOf(searched, journal.trials[best]!),
    cost: costOf(adaptation, spent, [journal]),
  }
  return { adapterId: written.id, result, problems }
}
