import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { PlanSummary } from '../contract/plan-run.ts'
import type { RunRef, RunRow, RunsQuery } from '../contract/runs-list.ts'
import type { Library } from '../library/open-library.ts'
import type { AdaptationLine, EvaluationLine } from '../library/run-marks.ts'

/** What the list of runs is made from. */
export type RunsLibrary = Pick<Library, 'plans' | 'runs' | 'adaptations' | 'runMarks' | 'tasks' | 'bases'>

/** Rows of one page and how many there are in all. */
export interface RunsPage {
  readonly rows: readonly RunRow[]
  readonly total: number
}

/** A row with what it is searched and filtered by. */
interface Found {
  readonly row: RunRow
  /** Ids or names, as the run knows them. */
  readonly tasks: readonly string[]
  readonly base: string | null
}

/** Plans, evaluations and adaptations as one list. All of them are read and filtered in memory: a library has thousands, not millions. */
export function listRuns(query: RunsQuery, library: RunsLibrary): RunsPage {
  // A plan names its base model and tasks by id or by name; the others by id.
  const task = query.taskId === null ? null : [query.taskId, library.tasks.get(query.taskId)?.title]
  const base = query.baseId === null ? null : [query.baseId, library.bases.get(query.baseId)?.name]
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = allRuns(query, library)
    .filter((run) => (task === null || run.tasks.some((name) => task.includes(name))) && (base === null || base.includes(run.base ?? '')))
    .map(({ row }) => row)
    .filter((row) => holdsAll(row, words))
  const { offset, limit } = query
  return { rows: rows.toSorted(orders[query.sort]).slice(offset, offset + limit), total: rows.length }
}

/** The rows of these runs, in their order. Throws a Refusal (run-unknown) when one of them is not there. */
export function rowsOf(refs: readonly RunRef[], library: RunsLibrary): readonly RunRow[] {
  const kinds = [...new Set(refs.map(({ kind }) => kind))]
  const rows = new Map(
    [false, true].flatMap((archived) => allRuns({ kinds, archived }, library).map(({ row }) => [keyOf(row), row] as const)),
  )
  const missing = refs.filter((ref) => !rows.has(keyOf(ref)))
  if (missing.length > 0) throw new Refusal(missing.map(unknown))
  return refs.map((ref) => rows.get(keyOf(ref))!)
}

/** Archives runs or takes them out of the archive; plans keep it themselves. Those that are not there are passed over. */
export function archiveRuns(refs: readonly RunRef[], archived: boolean, { plans, runMarks }: RunsLibrary): void {
  for (const { kind, id } of refs) if (kind === 'plan') plans.patch(id, { archived })
  runMarks.setArchived(
    refs.filter(({ kind }) => kind !== 'plan'),
    archived,
  )
}

function allRuns({ kinds, archived }: Pick<RunsQuery, 'kinds' | 'archived'>, library: RunsLibrary): readonly Found[] {
  const { plans, runMarks } = library
  const taskTitles = new Map(library.tasks.list().map(({ id, title }) => [id, title]))
  const baseNames = new Map(library.bases.list().map(({ id, name }) => [id, name]))
  const names: Names = {
    task: (id) => taskTitles.get(id) ?? id,
    base: (id) => baseNames.get(id) ?? null,
    pinned: keyOf(runMarks.pinned() ?? { kind: 'plan', id: '' }),
    archived,
  }
  return [
    ...(kinds.includes('plan') ? plans.list().filter((plan) => plan.archived === archived).map((plan) => ofPlan(plan, names)) : []),
    ...(kinds.includes('evaluation') ? runMarks.evaluations(archived).map((line) => ofEvaluation(line, names)) : []),
    ...(kinds.includes('adaptation') ? runMarks.adaptations(archived).map((line) => ofAdaptation(line, names)) : []),
  ] // prettier-ignore
}

interface Names {
  task(id: string): string
  base(id: string): string | null
  readonly pinned: string
  readonly archived: boolean
}

const noValue = { value: null, low: null, high: null, n: null, metric: null } as const

function ofPlan(plan: PlanSummary, { task, pinned }: Names): Found {
  const { id, title, state, tasks, createdAt, endedAt, baseName, archived } = plan
  // When it ended, so that it stands above the runs that it was made of.
  const at = endedAt ?? createdAt
  const row = { kind: 'plan', id, title, state, at, archived, ...noValue } as const
  const shown = tasks.map(task).join(', ')
  return { row: { ...row, task: shown, base: baseName, pinned: keyOf(row) === pinned }, tasks, base: baseName }
}

function ofEvaluation(line: EvaluationLine, { task, base, pinned, archived }: Names): Found {
  const { id, subject: title, taskId, baseId, metric, value, low, high, n, done, begunAt, finishedAt } = line
  const state = finishedAt !== null ? 'done' : done === 0 ? 'open' : 'partial'
  const row = { kind: 'evaluation', id, title, state, metric, value, low, high, n, at: finishedAt ?? begunAt, archived } as const
  return { row: { ...row, task: task(taskId), base: base(baseId), pinned: keyOf(row) === pinned }, tasks: [taskId], base: baseId }
}

function ofAdaptation(line: AdaptationLine, { task, base, pinned, archived }: Names): Found {
  const { id, title, taskId, baseId, state, createdAt: at } = line
  const row = { kind: 'adaptation', id, title, state, at, archived, ...noValue } as const
  return { row: { ...row, task: task(taskId), base: base(baseId), pinned: keyOf(row) === pinned }, tasks: [taskId], base: baseId }
}

function holdsAll({ title, task, base, state }: RunRow, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = [title, task ?? '', base ?? '', state].join('\n').toLowerCase()
  return words.every((word) => text.includes(word))
}

const orders: { readonly [K in RunsQuery['sort']]: (left: RunRow, right: RunRow) => number } = {
  newest: (left, right) => compare(right.at, left.at),
  oldest: (left, right) => compare(left.at, right.at),
  title: (left, right) => compare(left.title.toLowerCase(), right.title.toLowerCase()) || compare(right.at, left.at),
  // Largest first; those without a value last.
  value: (left, right) => compare(right.value ?? -Infinity, left.value ?? -Infinity) || compare(right.at, left.at),
}

function compare(left: number | string, right: number | string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** The same for the same run everywhere. */
export function keyOf({ kind, id }: RunRef): string {
  return `${kind} ${id}`
}

function unknown({ kind, id }: RunRef): Problem {
  const words = { plan: 'plan', evaluation: 'evaluation', adaptation: 'adaptation' }
  return errorProblem('run-unknown', `There is no ${words[kind]} with the id "${id.slice(0, 100)}".`, {
    where: { field: 'id', value: id.slice(0, 100) },
    hint: 'It may have been removed. Look at the list again.',
  })
}
