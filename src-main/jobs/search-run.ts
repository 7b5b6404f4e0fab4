import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { JobProgress } from '../contract/job.ts'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { optimisers, type OptimiserId } from '../search/search.ts'
import { choiceOf, numberOf } from './adapt-params.ts'
import { costOf } from './adapt-result.ts'
import type { AdaptContext, AdaptServices, ChosenAdapters, ResolvedAdaptation, UsableAdapter } from './adapt-types.ts'
import { stopIfAsked } from './import-output.ts'
import { encodeSearchExamples } from './search-examples.ts'
import { methodOf } from './search-input.ts'
import { readSearchJournal, writeSearchJournal, type SearchJournal } from './search-journal.ts'
import { evaluateRound } from './search-round.ts'
import { trialSpace, type TrialSpace } from './search-space.ts'
import { bestTrial, searchTrials, type Entry } from './search-trials.ts'

/** What a search found. */
export interface Searched {
  readonly journal: SearchJournal
  readonly space: TrialSpace
  /** Place of the trial that is kept. */
  readonly best: number
  /** Whether it is chosen by held-out examples. */
  readonly heldOut: boolean
  /** Why it ended: all trials done, or asked to. */
  readonly stopped: 'done' | 'asked'
}

/**
 * A state is put down when this many times as long has passed as putting down the last one took: with many trials that takes a while. Whatever is lost
 * with a process is found again, since the same state gives the same candidates.
 */
const writingShare = 9

/** Searches over the chosen adapters; goes on behind what an earlier run left in the work folder. Throws Refusal where not one trial could be evaluated. */
export async function runTrials(
  adaptation: ResolvedAdaptation,
  chosen: readonly UsableAdapter[],
  spent: ChosenAdapters['cost'],
  services: AdaptServices,
  context: AdaptContext,
): Promise<Searched> {
  const { params, input } = adaptation
  const method = methodOf(adaptation)
  const earlier = await readSearchJournal(context.folder)
  const from = earlier && sameAdapters(earlier, chosen) ? earlier : null
  const names = new Map((from?.adapters ?? chosen).map(({ id, name }) => [id, name]))
  const adapters = chosen.map(({ id, detail }) => ({ id, name: names.get(id)!, modules: detail.modules }))
  const space = trialSpace(adapters, { input, method, params })
  const examples = await encodeSearchExamples(adaptation, services, context.signal)
  const heldOut = examples.heldOut.length > 0
  const trials = numberOf(params, 'trials')
  if (from) context.note(`goes on after ${from.trials.length} trials`)
  context.note(`${space.space.length} numbers are searched with ${method.id} over ${adapters.length} adapters, ${trials} trials`)

  let done = from?.trials.length ?? 0
  const began = performance.now()
  const before = done
  let due = 0
  const evaluate = (entries: readonly Entry[]) => {
    stopIfAsked(context)
    const fresh = entries.filter(({ judged }) => judged).length
    const report = (told: JobProgress): void =>
      context.report(progressOf(told, done, told.stage === 'evaluating' ? fresh : 0, trials, (performance.now() - began) / 1000, before))
    return evaluateRound(
      entries.map(({ index, candidate, judged, validated }) => ({
        name: `trial ${index}`,
        recipe: space.recipeOf(candidate),
        parts: [...(judged ? [examples.judged] : []), ...(validated ? [examples.heldOut] : [])],
      })),
      examples.metric,
      { adaptation, services, context: { ...context, report }, folder: join(context.folder, 'generation') },
    )
  }
  const journal = await searchTrials({
    ...{ trialSpace: space, heldOut, from, trials, evaluate, adapters: adapters.map(({ id, name }) => ({ id, name })) },
    optimiser: optimiserOf(choiceOf(params, 'optimiser')),
    seed: input.seed,
    population: numberOf(params, 'population'),
    l1: numberOf(params, 'l1'),
    wantsEnd: () => existsSync(context.stopFile),
    async onGeneration(state) {
      done = state.trials.length
      const started = performance.now()
      if (started < due) return
      await writeSearchJournal(context.folder, state)
      tell(state)
      const ended = performance.now()
      due = ended + writingShare * (ended - started)
    },
  })

  function tell(state: SearchJournal): void {
    const best = bestTrial(state.trials, heldOut)
    const valueOf = (place: number | null): number | null => {
      const trial = place === null ? null : state.trials[place]
      return (heldOut ? trial?.validation : trial?.objective) ?? null
    }
    context.update({
      ...{ trials: state.trials, curve: state.curve, done: state.trials.length, chosenTrial: best },
      ...{ startLoss: valueOf(0), chosenLoss: valueOf(best) },
      cost: costOf(adaptation, spent, [state]),
    })
  }

  tell(journal)
  const best = bestTrial(journal.trials, heldOut)
  if (best === null) throw new Refusal([noneEvaluated(journal)])
  const stopped = journal.trials.length < trials && existsSync(context.stopFile) ? 'asked' : 'done'
  context.update({ stopped, stoppedText: stopped === 'asked' ? `ended after ${journal.trials.length} trials, as asked for` : null })
  return { journal, space, best, heldOut, stopped }
}

function sameAdapters({ adapters }: SearchJournal, chosen: readonly UsableAdapter[]): boolean {
  return adapters.length === chosen.length && adapters.every(({ id }, place) => chosen[place]!.id === id)
}

function optimiserOf(id: string): OptimiserId {
  if (!Object.hasOwn(optimisers, id)) throw new Error(`there is no optimiser ${id}`)
  return id as OptimiserId
}

/** Progress of one round as progress of the whole. */
function progressOf(told: JobProgress, done: number, inRound: number, trials: number, seconds: number, before: number): JobProgress {
  const now = Math.min(trials, done + told.fraction * inRound)
  const rate = seconds > 0 ? (now - before) / seconds : 0
  return {
    stage: 'searching',
    fraction: now / trials,
    rate,
    unit: 'trials',
    etaSeconds: rate > 0 && seconds > 1 ? (trials - now) / rate : null,
    detail: `${Math.floor(now)} of ${trials} trials`,
  }
}

function noneEvaluated({ trials }: SearchJournal): ReturnType<typeof errorProblem> {
  const reason = trials.find(({ problem }) => problem !== null)?.problem ?? 'nothing was tried'
  return errorProblem('parameter-invalid', `Not one of the ${trials.length} trials could be evaluated: ${reason}`, {
    where: { field: 'method' },
    hint: 'Choose another method or other adapters.',
  })
}
