import type { AdaptationDetail, AdaptInput, SearchedParam, Trial } from '../contract/adapt.ts'
import { findMethod, methodIds, type MethodEntry } from '../contract/methods.ts'
import { recipeOfTrial } from '../jobs/search-promote.ts'
import { findPreset } from '../contract/presets.ts'
import { adaptOptions, adaptUsage, readAdaptInput, readValue } from './adapt-options.ts'
import { runAdaptation } from './adapt-run.ts'
import { exitCodes, outcome, type Arguments, type Command, type CommandContext, type Outcome } from './command.ts'
import { formatNumber, formatTable } from './format.ts'
import { runMerge } from './merge.ts'
import { withSession, type Session } from './session.ts'

/** Trials that are shown to people. */
const mostShown = 10

/** `search`: coefficients or parameters of a merge method, without gradients; and adapters of single trials. */
export const searchCommand: Command = {
  name: 'search',
  summary: 'Search coefficients or parameters of a merge method without gradients, or make an adapter of a trial.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    ...adaptOptions('search'),
    { name: 'method', value: 'METHOD', allowed: methodIds, help: "The merge method; the preset's, or concat (the exact sum)." },
    {
      name: 'search',
      value: 'PARAM=WHAT',
      repeatable: true,
      help: 'What may be tried of a parameter of the method: LOW:HIGH, or values with commas between.',
    },
    { name: 'only-params', help: 'Leave the coefficients at 1 and search only parameters.' },
    { name: 'trials', value: 'COUNT', help: 'Candidates that are evaluated; short for --set trials=COUNT.' },
    { name: 'promote', value: 'JOB', help: 'Make an adapter of a trial of this search instead.' },
    { name: 'trial', value: 'NUMBER', help: 'The trial that --promote is about.' },
  ],
  notes: () => ['A search that was stopped goes on where it was when the same command is given again.'],
  run(given, context) {
    const wrong = given.has('promote') ? promoteUsage(given) : searchUsage(given)
    if (wrong !== undefined) {
      context.remark(wrong)
      return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
    }
    return withSession(given.value('library'), context, (session) =>
      given.has('promote') ? promote(session, given, context) : search(session, given, context),
    )
  },
}

function searchUsage(given: Arguments): string | undefined {
  const unpaired = given.values('search').find((text) => !/^[^=]+=./.test(text))
  if (unpaired !== undefined) return `--search is "${unpaired}". Write PARAM=LOW:HIGH or PARAM=A,B,C.`
  if (given.has('trials') && !/^[1-9]\d{0,5}$/.test(given.value('trials') ?? ''))
    return `--trials is "${given.value('trials')}". Allowed: a whole number from 1.`
  if (given.has('trial')) return '--trial goes with --promote.'
  return adaptUsage(given)
}

function promoteUsage(given: Arguments): string | undefined {
  return /^\d{1,6}$/.test(given.value('trial') ?? '') ? undefined : '--promote needs --trial NUMBER.'
}

async function search(session: Session, given: Arguments, context: CommandContext): Promise<Outcome> {
  const method = given.value('method') ?? findPreset(given.value('preset') ?? '')?.method ?? 'concat'
  const trials = given.value('trials')
  const asked = await readAdaptInput(session, given, context, 'search', {
    method,
    searched: readSearched(given.values('search'), findMethod(method)),
    searchCoefficients: !given.has('only-params'),
  })
  const input: AdaptInput = trials === undefined ? asked : { ...asked, params: { ...asked.params, trials: Number(trials) } }
  const ended = await runAdaptation(session, input, context)
  const { jobId } = ended.json as { readonly jobId?: string }
  const detail = jobId === undefined ? null : session.services.library.adaptations.get(jobId)
  if (!detail) return ended
  const { chosenTrial, trials: tried } = detail
  return { ...ended, json: { ...(ended.json as object), chosenTrial, trials: tried }, lines: [...ended.lines, '', ...trialLines(detail)] }
}

async function promote(session: Session, given: Arguments, context: CommandContext): Promise<Outcome> {
  const { adapt } = session.services
  const place = { jobId: given.value('promote') ?? '', trial: Number(given.value('trial')) }
  const { recipe, problems } = recipeOfTrial(place, adapt)
  if (!recipe) return outcome({ problems }, [], problems)
  const made = await runMerge(session, { recipe }, context)
  const { id } = (made.json ?? {}) as { readonly id?: string }
  const detail = adapt.adaptations.get(place.jobId)
  if (id !== undefined && detail)
    adapt.adaptations.update(place.jobId, {
      trials: detail.trials.map((one) => (one.index === place.trial ? { ...one, adapterId: id } : one)),
    })
  return made
}

/** "density=0.1:0.9" are bounds, "variant=paper,count" and "k=4,8" values. */
function readSearched(texts: readonly string[], method: MethodEntry | undefined): Record<string, SearchedParam> {
  return Object.fromEntries(
    texts.map((text): [string, SearchedParam] => {
      const at = text.indexOf('=')
      const [id, what] = [text.slice(0, at), text.slice(at + 1)]
      const bounds = /^(-?[\d.eE+-]+):(-?[\d.eE+-]+)$/.exec(what)
      const [low, high] = [Number(bounds?.[1]), Number(bounds?.[2])]
      if (bounds && Number.isFinite(low) && Number.isFinite(high)) return [id, { low, high }]
      const spec = method?.params.find((param) => param.id === id)
      return [id, { values: what.split(',').map((value) => readValue(value, spec)) }]
    }),
  )
}

/** The best trials by their objective. */
function trialLines({ trials, chosenTrial }: AdaptationDetail): readonly string[] {
  const best = [...trials].sort((left, right) => (left.objective ?? Infinity) - (right.objective ?? Infinity)).slice(0, mostShown)
  const names = Object.keys(trials[0]?.values ?? {}).slice(0, 6)
  const shown = (value: number | null): string => (value === null ? '-' : formatNumber(value))
  const row = (trial: Trial): string[] => [
    `${trial.index}${trial.index === chosenTrial ? ' kept' : trial.index === 0 ? ' start' : ''}`,
    shown(trial.objective),
    shown(trial.validation),
    ...names.map((name) => {
      const value = trial.values[name]
      return typeof value === 'number' ? formatNumber(value) : String(value)
    }),
  ]
  return formatTable([['TRIAL', 'OBJECTIVE', 'VALIDATION', ...names], ...best.map(row)], [1, 2])
}
