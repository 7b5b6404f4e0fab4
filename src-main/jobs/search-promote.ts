import type { AdaptationDetail, AdaptInput, Trial } from '../contract/adapt.ts'
import { errorProblem, hasError, type Problem } from '../contract/problems.ts'
import type { Recipe } from '../contract/recipe.ts'
import { checkAdaptParams } from './adapt-params.ts'
import type { AdaptServices } from './adapt-types.ts'
import type { Queue, Started } from './queue.ts'
import { methodOf } from './search-input.ts'
import { trialSpace, writtenRecipe, type SearchedAdapter } from './search-space.ts'

/** A trial of a search. */
export interface TrialPlace {
  readonly jobId: string
  readonly trial: number
}

type Sources = Pick<AdaptServices, 'adaptations' | 'adapters' | 'emitAdapt'>

/** Starts a merge job that makes an adapter of a trial; when it is done, the trial says which. */
export function promoteTrial(place: TrialPlace, services: Sources, queue: Pick<Queue, 'start' | 'whenEnded'>): Started {
  const { recipe, problems } = recipeOfTrial(place, services)
  if (!recipe) return { jobId: null, problems }
  const started = queue.start('merge', { recipe })
  if (started.jobId !== null) void noteWhenMade(place, started.jobId, services, queue)
  return { ...started, problems: [...problems, ...started.problems] }
}

/** The recipe that a trial stands for, with its adapters by id, or why there is none. */
export function recipeOfTrial(
  { jobId, trial: index }: TrialPlace,
  { adaptations, adapters }: Pick<Sources, 'adaptations' | 'adapters'>,
): { readonly recipe: Recipe | null; readonly problems: readonly Problem[] } {
  const input = adaptations.input(jobId)
  const detail = adaptations.get(jobId)
  if (!input || detail?.arm !== 'search') return refused(unknownSearch(jobId))
  const trial = detail.trials[index]
  if (!trial) return refused(unknownTrial(detail, index))
  if (trial.problem !== null) return refused(failedTrial(trial, trial.problem))
  const { found, problems } = chosenAdapters(detail, adapters)
  if (hasError(problems)) return { recipe: null, problems }
  return { recipe: trialRecipe(input, trial, found, `${detail.title}, trial ${index}`), problems }
}

function trialRecipe(input: AdaptInput, { values }: Trial, adapters: readonly SearchedAdapter[], name: string): Recipe {
  const { params, preset } = checkAdaptParams(input)
  const { recipeOf } = trialSpace(adapters, { input, method: methodOf({ input, preset }), params })
  const recipe = writtenRecipe(recipeOf(values), params)
  return { ...recipe, output: { ...recipe.output, name: name.slice(0, 200) } }
}

/** The adapters that were searched, in their order, called as they were then: the trial's coefficients carry these names. */
function chosenAdapters(
  { selection }: Pick<AdaptationDetail, 'selection'>,
  adapters: Sources['adapters'],
): { readonly found: readonly SearchedAdapter[]; readonly problems: readonly Problem[] } {
  const chosen = selection
    .filter(({ place }) => place !== null)
    .sort((left, right) => left.place! - right.place!)
    .map(({ adapterId, name }) => ({ id: adapterId, name, detail: adapters.get(adapterId) }))
  return {
    found: chosen.flatMap(({ id, name, detail }) => (detail ? [{ id, name, modules: detail.modules }] : [])),
    problems: chosen.flatMap(({ id, name, detail }) => (detail ? [] : [goneAdapter(id, name)])),
  }
}

async function noteWhenMade(
  { jobId, trial }: TrialPlace,
  mergeId: string,
  { adaptations, emitAdapt }: Sources,
  queue: Pick<Queue, 'whenEnded'>,
): Promise<void> {
  const { resultAdapterId } = await queue.whenEnded(mergeId)
  const detail = adaptations.get(jobId)
  if (resultAdapterId === null || !detail) return
  adaptations.update(jobId, { trials: detail.trials.map((one) => (one.index === trial ? { ...one, adapterId: resultAdapterId } : one)) })
  emitAdapt(jobId)
}

function refused(problem: Problem) {
  return { recipe: null, problems: [problem] }
}

function unknownSearch(jobId: string): Problem {
  return errorProblem('job-unknown', `There is no search with the id ${jobId}.`, { where: { field: 'jobId', value: jobId } })
}

function unknownTrial({ trials }: AdaptationDetail, index: number): Problem {
  return errorProblem('parameter-invalid', `The search has no trial ${index}.`, {
    where: { field: 'trial', value: String(index) },
    allowed: trials.length === 0 ? [] : [`a whole number from 0 to ${trials.length - 1}`],
  })
}

function failedTrial({ index }: Trial, problem: string): Problem {
  return errorProblem('parameter-invalid', `Trial ${index} could not be evaluated: ${problem}`, {
    where: { field: 'trial', value: String(index) },
    hint: 'Choose another one.',
  })
}

function goneAdapter(id: string, name: string): Problem {
  return errorProblem('adapter-unknown', `${name}, which the trial needs, is not in the library any more.`, {
    where: { field: 'trial', value: id },
    hint: 'Import it again; the same content is recognised.',
  })
}
