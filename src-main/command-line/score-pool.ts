import { metricOf } from '../contract/metrics.ts'
import { hasError, Refusal } from '../contract/problems.ts'
import type { Run, RunSubject, Subject } from '../contract/run.ts'
import { outcome, type Command } from './command.ts'
import { withChecked, evaluate, evaluationOptions, readInput, runObject, shownValue } from './eval.ts'
import { findBase, findSubjects } from './find-evaluated.ts'
import { formatTable } from './format.ts'
import type { Session } from './session.ts'

/** `score-pool`: every adapter alone on the labelled examples of tasks, and who is best. */
export const scorePoolCommand: Command = {
  name: 'score-pool',
  summary: 'Score every adapter alone on the examples of tasks, against the base model.',
  takes: '',
  least: 0,
  most: 0,
  options: evaluationOptions,
  notes: () => [
    'Without --adapter every adapter of the library that fits the base model is scored. The split is "train" when none is given;',
    '"train+validation" with --budget 100 is what the recycling study selects by. Scores that are known are not computed again.',
  ],
  run: (given, context) =>
    withChecked(given, context, async (session) => {
      const named = given.has('adapter')
      const baseId = await findBase(session, given.value('base') ?? '', context)
      const pool = named ? await findSubjects(session, given.values('adapter'), context) : await fittingAdapters(session, baseId)
      const input = await readInput(session, given, context, [{ kind: 'base' }, ...pool], 'train')
      const { runs, problems } = await evaluate(session, { ...input, purpose: 'score', strict: named }, context)
      if (runs.length === 0 && hasError(problems)) return outcome({ runs: [], leaderboard: [], problems }, [], problems)
      const leaderboard = rank(runs)
      return outcome({ runs: runs.map(runObject), leaderboard, problems }, leaderLines(leaderboard, runs), problems)
    }),
}

/** Every adapter of the library that fits the base model. */
async function fittingAdapters({ services }: Session, baseId: string): Promise<readonly Subject[]> {
  const { bases } = services.library
  await bases.readShapes()
  const matches = bases.matches(baseId)
  if ('code' in matches) throw new Refusal([matches])
  return matches.fitting.map(({ id }) => ({ kind: 'adapter', adapterId: id, coefficient: 1 }))
}

/** One line of the leaderboard. */
interface Leader {
  readonly place: number
  readonly subject: RunSubject
  /** Mean over the columns; null while one has no value. */
  readonly mean: number | null
  /** Better than the base model by so much; below 0 for worse, whatever the metric's direction. */
  readonly gain: number | null
  readonly values: readonly (number | null)[]
}

/** Subjects with their values, best first; equal ones keep their order. */
function rank(runs: readonly Run[]): readonly Leader[] {
  const [first] = runs
  const sign = first && metricOf(first.metric).direction === 'lower' ? -1 : 1
  const bySubject = new Map<string, Run[]>()
  for (const run of runs) bySubject.set(run.subject.key, [...(bySubject.get(run.subject.key) ?? []), run])
  const rows = [...bySubject.values()].map((own) => {
    const values = own.map(({ value }) => value)
    const whole = values.every((value) => value !== null)
    return { subject: own[0]!.subject, values, mean: whole ? values.reduce((sum, value) => sum + value, 0) / values.length : null }
  })
  const base = rows.find(({ subject }) => subject.kind === 'base')?.mean ?? null
  const worth = (mean: number | null): number => (mean === null ? -Infinity : sign * mean)
  const sorted = rows.sort((left, right) => (worth(left.mean) === worth(right.mean) ? 0 : worth(right.mean) - worth(left.mean)))
  return sorted.map((row, index) => ({
    place: index + 1,
    ...row,
    gain: row.mean === null || base === null ? null : sign * (row.mean - base),
  }))
}

function leaderLines(leaders: readonly Leader[], runs: readonly Run[]): readonly string[] {
  const columns = runs.filter(({ subject }) => subject.key === runs[0]?.subject.key)
  const [first] = columns
  if (!first) return []
  const several = columns.length > 1
  const { unit } = metricOf(first.metric)
  const gain = (value: number): string =>
    `${value < 0 ? '-' : '+'}${unit === 'fraction' ? `${(100 * Math.abs(value)).toFixed(1)} points` : Math.abs(value).toFixed(4)}`
  const rows = leaders.map((leader) => [
    String(leader.place),
    leader.subject.label,
    ...leader.values.map((value, column) => shownValue(columns[column]!.metric, value)),
    ...(several ? [shownValue(first.metric, leader.mean)] : []),
    leader.subject.kind === 'base' ? 'base line' : leader.gain === null ? '-' : gain(leader.gain),
  ])
  const heads = columns.map(({ taskId, split }) => `${taskId} (${split})`)
  return formatTable([['', 'SUBJECT', ...heads, ...(several ? ['MEAN'] : []), 'AGAINST THE BASE MODEL'], ...rows], [0])
}
