import type { Selected } from '../contract/adapt.ts'
import { selectionIds, selectionOf, selections, type SelectionId } from '../contract/selection.ts'
import { defaultsOf } from '../contract/params.ts'
import { tunerOf } from '../contract/tuners.ts'
import { adaptOptions, adaptUsage, readAdaptInput } from './adapt-options.ts'
import { exitCodes, outcome, type Arguments, type Command, type CommandContext, type Outcome } from './command.ts'
import { runAdaptation } from './adapt-run.ts'
import { formatNumber, formatTable } from './format.ts'
import { withSession, type Session } from './session.ts'

const usual = defaultsOf(tunerOf('select').params, 'recipe')['selection']
const unused: ReadonlySet<string> = new Set(['name'])

/** `select`: which adapters of the pool a strategy would merge for a task. */
export const selectCommand: Command = {
  name: 'select',
  summary: 'Rank the adapters of a pool for a task, and show which would be merged.',
  takes: '',
  least: 0,
  most: 0,
  options: [
    ...adaptOptions('select').filter(({ name }) => !unused.has(name)),
    { name: 'strategy', value: 'STRATEGY', allowed: selectionIds, help: 'How adapters are chosen; short for --set selection=STRATEGY.' },
    { name: 'k', value: 'COUNT', help: 'How many are chosen; short for --set k=COUNT.' },
    { name: 'own-first', help: 'Your own LoRA (--own) takes the first place; short for --set ownFirst=true.' },
    { name: 'skip', value: 'COUNT', help: 'So many of the best are left out; short for --set skip=COUNT.' },
  ],
  notes: () => [
    `Strategies, "${usual}" when none is given:`,
    ...formatTable(selections.map(({ id, help }) => [`  ${id}`, help])),
    '',
    'Values that are known are not computed again; the examples for testing are never looked at.',
  ],
  run(given, context) {
    const wrong = selectUsage(given)
    if (wrong !== undefined) {
      context.remark(wrong)
      return Promise.resolve({ ...outcome(undefined, []), exitCode: exitCodes.usage })
    }
    return withSession(given.value('library'), context, (session) => select(session, given, context))
  },
}

function selectUsage(given: Arguments): string | undefined {
  if (given.has('k') && !/^[1-9]\d{0,5}$/.test(given.value('k') ?? ''))
    return `--k is "${given.value('k')}". Allowed: a whole number from 1.`
  if (given.has('skip') && !/^\d{1,6}$/.test(given.value('skip') ?? ''))
    return `--skip is "${given.value('skip')}". Allowed: a whole number from 0.`
  return adaptUsage(given)
}

async function select(session: Session, given: Arguments, context: CommandContext): Promise<Outcome> {
  const asked = await readAdaptInput(session, given, context, 'select')
  const params = { ...asked.params, ...shortForms(given) }
  const ended = await runAdaptation(session, { ...asked, params }, context)
  const { jobId } = ended.json as { readonly jobId?: string }
  const detail = jobId === undefined ? null : session.services.library.adaptations.get(jobId)
  const strategy = selectionIds.find((id) => id === detail?.params['selection'])
  if (!detail || detail.selection.length === 0 || strategy === undefined) return ended
  const ranking = inOrder(detail.selection)
  const chosen = ranking.filter(({ place }) => place !== null).map(({ adapterId }) => adapterId)
  const json = { jobId, strategy, chosen, ranking, cost: detail.cost, problems: ended.problems }
  return { ...ended, json, lines: rankingLines(strategy, ranking) }
}

function shortForms(given: Arguments): Record<string, string | number | boolean> {
  const [strategy, k, skip] = [given.value('strategy'), given.value('k'), given.value('skip')]
  return {
    ...(strategy !== undefined && { selection: strategy }),
    ...(k !== undefined && { k: Number(k) }),
    ...(skip !== undefined && { skip: Number(skip) }),
    ...(given.has('own-first') && { ownFirst: true }),
  }
}

/** The chosen ones in their places, then the others by their values, those without one last; equal ones in the order of the pool. */
function inOrder(selected: readonly Selected[]): readonly Selected[] {
  const placeOf = ({ place }: Selected): number => place ?? Infinity
  const valueOf = ({ value }: Selected): number => value ?? -Infinity
  return [...selected].sort((left, right) => compare(placeOf(left), placeOf(right)) || compare(valueOf(right), valueOf(left)))
}

function compare(left: number, right: number): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function rankingLines(strategy: SelectionId, ranking: readonly Selected[]): readonly string[] {
  const { label, ranks, formula } = selectionOf(strategy)
  const rows = ranking.map(({ adapterId, name, value, place, reason }) => [
    place === null ? '' : String(place + 1),
    name,
    ...(ranks ? [value === null ? '-' : formatNumber(value)] : []),
    adapterId,
    reason ?? '',
  ])
  const chosen = ranking.filter(({ place }) => place !== null).length
  return [
    `${label}: ${formula}`,
    '',
    ...formatTable([['', 'ADAPTER', ...(ranks ? ['VALUE'] : []), 'ID', 'WHY NOT'], ...rows], ranks ? [0, 2] : [0]),
    '',
    `${chosen} of ${ranking.length} chosen`,
  ]
}
