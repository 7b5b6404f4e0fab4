import type { CurvePoint, Trial } from '../contract/adapt.ts'
import type { Candidate } from '../search/space.ts'
import { createSearch, type OptimiserId } from '../search/search.ts'
import type { SearchJournal } from './search-journal.ts'
import type { Judged } from './search-round.ts'
import { meanAbsolute, type TrialSpace } from './search-space.ts'

/** A candidate of a round: whether it is judged, and whether it is measured on the held-out examples; in this order where both. */
export interface Entry {
  readonly index: number
  readonly candidate: Candidate
  readonly judged: boolean
  readonly validated: boolean
}

/** What a search of trials is made of. */
export interface TrialsOptions {
  readonly trialSpace: TrialSpace
  readonly optimiser: OptimiserId
  readonly seed: number
  readonly population: number
  readonly trials: number
  /** Strength of the mean absolute coefficient in the objective. */
  readonly l1: number
  /** Whether examples are held out, by which the best trial is chosen. */
  readonly heldOut: boolean
  readonly adapters: SearchJournal['adapters']
  /** What an earlier run left. */
  readonly from: SearchJournal | null
  readonly evaluate: (
    entries: readonly Entry[],
  ) => Promise<{ readonly judged: readonly Judged[]; readonly tokens: number; readonly seconds: number }>
  /** True when it is to end with what it has; asked before every generation but the first. */
  readonly wantsEnd: () => boolean
  /** Hears of the state after every generation, before the next one begins; the state is safe when it resolves. */
  readonly onGeneration: (journal: SearchJournal) => Promise<void>
}

/**
 * Asks for candidates and judges them, generation by generation, the start first, until the trials are used up or somebody wants the end. Where examples
 * are held out, whatever trial is the best by its objective after a generation is measured on them together with the next generation, and the start
 * with the first. A candidate equal to an earlier one is not evaluated again. Answers with the last state.
 */
export async function searchTrials(options: TrialsOptions): Promise<SearchJournal> {
  const { trialSpace, optimiser, seed, population, heldOut, from, evaluate } = options
  const { space, start } = trialSpace
  const search = createSearch(optimiser, space, { seed, start, population, trials: options.trials }, from?.search)
  let journal = from ?? { schema: 1, adapters: options.adapters, search: null, trials: [], curve: [], tokens: 0, seconds: 0 }

  for (;;) {
    const { trials } = journal
    const candidates = trials.length > 0 && options.wantsEnd() ? [] : search.ask()
    const due = heldOut ? bestByObjective(trials) : null
    const unmeasured = due !== null && trials[due]!.validation === null ? due : null
    if (candidates.length === 0 && unmeasured === null) return journal
    const entries = entriesOf(candidates, trials, unmeasured, heldOut)
    const round = entries.length > 0 ? await evaluate(entries) : { judged: [], tokens: 0, seconds: 0 }
    const outcomes = new Map(entries.map((entry, place) => [entry.index, { entry, judged: round.judged[place]! }]))
    const measured = trials.map((trial) => withValidation(trial, outcomes.get(trial.index)?.judged))
    const added = addTrials(candidates, measured, search.generations, (index, candidate) =>
      freshTrial(index, candidate, outcomes.get(index), options),
    )
    if (candidates.length > 0) search.tell(added.slice(trials.length).map(({ objective }) => objective))
    const [tokens, seconds] = [journal.tokens + round.tokens, journal.seconds + round.seconds]
    const curve = extendedCurve(journal.curve, added, candidates.length > 0, { tokens, seconds })
    journal = { ...journal, search: search.state(), trials: added, curve, tokens, seconds }
    await options.onGeneration(journal)
  }
}

/** The trial that is kept: by the held-out examples where there are some, else by the objective; the earliest of equal ones. Null while none has a value. */
export function bestTrial(trials: readonly Trial[], heldOut: boolean): number | null {
  if (!heldOut) return bestByObjective(trials)
  return leastOf(trials, ({ validation }) => validation)
}

function bestByObjective(trials: readonly Trial[]): number | null {
  return leastOf(trials, ({ objective }) => objective)
}

function leastOf(trials: readonly Trial[], valueOf: (trial: Trial) => number | null): number | null {
  let best: Trial | null = null
  for (const trial of trials) if ((valueOf(trial) ?? Infinity) < (best === null ? Infinity : valueOf(best)!)) best = trial
  return best?.index ?? null
}

function entriesOf(
  candidates: readonly Candidate[],
  trials: readonly Trial[],
  unmeasured: number | null,
  heldOut: boolean,
): readonly Entry[] {
  const known = new Set(trials.map(({ values }) => keyOf(values)))
  const entries: Entry[] = []
  if (unmeasured !== null) entries.push({ index: unmeasured, candidate: trials[unmeasured]!.values, judged: false, validated: true })
  candidates.forEach((candidate, offset) => {
    const index = trials.length + offset
    if (known.has(keyOf(candidate))) return
    known.add(keyOf(candidate))
    entries.push({ index, candidate, judged: true, validated: heldOut && index === 0 })
  })
  return entries
}

function addTrials(
  candidates: readonly Candidate[],
  trials: readonly Trial[],
  generation: number,
  fresh: (index: number, candidate: Candidate) => Omit<Trial, 'generation'> | null,
): Trial[] {
  const all = [...trials]
  const byKey = new Map(all.map((trial) => [keyOf(trial.values), trial]))
  for (const candidate of candidates) {
    const made = fresh(all.length, candidate)
    const same = byKey.get(keyOf(candidate))
    if (!made && !same) throw new Error(`candidate ${all.length} was not evaluated`)
    const trial = made ? { ...made, generation } : { ...same!, index: all.length, generation, adapterId: null }
    byKey.set(keyOf(candidate), trial)
    all.push(trial)
  }
  return all
}

function freshTrial(
  index: number,
  candidate: Candidate,
  outcome: { readonly entry: Entry; readonly judged: Judged } | undefined,
  { trialSpace: { coefficients }, l1 }: TrialsOptions,
): Omit<Trial, 'generation'> | null {
  if (!outcome) return null
  const { entry, judged } = outcome
  const [value, validation = null] = judged.values ?? []
  return {
    ...{ index, values: { ...candidate }, adapterId: null, problem: judged.problem },
    objective: value === undefined ? null : value + l1 * meanAbsolute(coefficients, candidate),
    validation: entry.validated ? validation : null,
  }
}

/** The trial with what the held-out examples say; one that cannot be measured there is out of the running. */
function withValidation(trial: Trial, judged: Judged | undefined): Trial {
  if (!judged) return trial
  return judged.values === null ? { ...trial, objective: null, problem: judged.problem } : { ...trial, validation: judged.values[0]! }
}

/** The best objective after so many trials, and what the held-out examples said of that trial. */
function extendedCurve(
  curve: readonly CurvePoint[],
  trials: readonly Trial[],
  isGeneration: boolean,
  spent: Pick<CurvePoint, 'tokens' | 'seconds'>,
): CurvePoint[] {
  const point = (step: number, some: readonly Trial[]): CurvePoint => {
    const best = bestByObjective(some)
    const { objective = null, validation = null } = best === null ? {} : some[best]!
    return { step, trainLoss: objective, validationLoss: validation, rate: null, gradientNorm: null, ...spent }
  }
  // What was the best after an earlier generation may have been measured in this one.
  const earlier = curve.map((old) => ({ ...old, validationLoss: point(old.step, trials.slice(0, Math.max(1, old.step))).validationLoss }))
  if (!isGeneration) return earlier
  return [...(curve.length === 0 ? [point(0, trials.slice(0, 1))] : earlier), point(trials.length, trials)]
}

function keyOf(values: Candidate): string {
  return JSON.stringify(values)
}
