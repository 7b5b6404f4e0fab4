import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { metricOf, type MetricId } from '../contract/metrics.ts'
import type { EvaluatedSplit, Results, Run, RunSubject } from '../contract/run.ts'
import { evaluatedSplits } from '../contract/run.ts'
import { createLane } from './lane.ts'
import type { FindDifference } from './run-differences.ts'
import { runOf, storedRunColumns, type StoredRun } from './run-rows.ts'
import type { RunSummaries } from './run-summary.ts'
import type { ResultsQuery } from './run-types.ts'

type Column = Results['columns'][number]
type Cell = Results['rows'][number]['cells'][number]

/** Milliseconds after which others have their turn. */
const sliceMs = 8

/**
 * The table of results. Of several runs of one subject in one column the one with most answered examples stands, the newest of equal ones; runs of an
 * earlier state of the task stand only while there is none of the latest.
 */
export function createResults(
  db: Database.Database,
  summaries: RunSummaries,
  difference: FindDifference,
): (query: ResultsQuery) => Promise<Results> {
  const runs = db.prepare<[object], StoredRun>(
    `SELECT ${storedRunColumns} FROM runs r WHERE r.base_id = @baseId AND (@split IS NULL OR r.split = @split)
     AND (@taskIds IS NULL OR r.task_id IN (SELECT value FROM json_each(@taskIds))) ORDER BY r.seq`,
  )
  const bySeq = db.prepare<[number], StoredRun>(`SELECT ${storedRunColumns} FROM runs r WHERE r.seq = ?`)

  /** A process that died after the last example left the bootstrap interval to be computed. */
  async function withInterval(row: StoredRun): Promise<StoredRun> {
    if (row.finished_at === null || row.value === null || row.low !== null) return row
    await summaries.bootstrap(row.seq, row.metric as MetricId)
    return bySeq.get(row.seq) ?? row
  }
  // One table at a time: the next one finds the differences of the one before.
  const lane = createLane(1)

  async function read({ baseId, split, taskIds, baseline, titleOf }: ResultsQuery): Promise<Results> {
    const found = runs.all({ baseId, split, taskIds: taskIds === null ? null : JSON.stringify(taskIds) })
    const columns = columnsOf(found, titleOf)
    const places = new Map(columns.map((column, place) => [columnKey(column), place]))
    const subjects = new Map<string, { subject: RunSubject; readonly runs: (StoredRun | null)[] }>()
    for (const row of found) {
      const subject = JSON.parse(row.subject) as RunSubject
      const entry = subjects.get(subject.key) ?? { subject, runs: columns.map(() => null) }
      // The newest run knows the subject's latest name.
      entry.subject = subject
      subjects.set(subject.key, entry)
      const place = places.get(columnKey(columnOf(row)))!
      entry.runs[place] = preferred(entry.runs[place] ?? null, row)
    }
    const reference = subjects.get(baseline)
    const rows: Results['rows'] = []
    let turn = performance.now()
    for (const { subject, runs: own } of [...subjects.values()].toSorted(baseFirst)) {
      const cells: Cell[] = []
      for (const [place, row] of own.entries()) {
        const other = reference?.runs[place] ?? null
        const isCompared = row !== null && other !== null && other !== row
        cells.push(row && { run: runOf(await withInterval(row)), difference: isCompared ? await difference(row, other) : null })
        if (performance.now() - turn < sliceMs) continue
        await setImmediate()
        turn = performance.now()
      }
      rows.push({ subject, cells, mean: meanOf(cells) })
    }
    return { columns, rows, baseline: reference ? baseline : null }
  }
  return (query) => lane.run(() => read(query))
}

function columnOf(row: StoredRun): Omit<Column, 'title'> {
  return {
    taskId: row.task_id,
    split: row.split as EvaluatedSplit,
    budget: row.budget as Run['budget'],
    metric: row.metric as MetricId,
  }
}

function columnKey({ taskId, split, budget, metric }: Omit<Column, 'title'>): string {
  return JSON.stringify([taskId, split, budget, metric])
}

/** Columns by title, then split, budget (all examples last) and metric. */
function columnsOf(runs: readonly StoredRun[], titleOf: (taskId: string) => string): Column[] {
  const columns = new Map<string, Column>()
  for (const run of runs) {
    const column = columnOf(run)
    const key = columnKey(column)
    if (!columns.has(key)) columns.set(key, { ...column, title: titleOf(column.taskId) })
  }
  const order = (column: Column): number => column.budget ?? Infinity
  return [...columns.values()].toSorted(
    (left, right) =>
      left.title.localeCompare(right.title, 'en') ||
      compare(left.taskId, right.taskId) ||
      evaluatedSplits.indexOf(left.split) - evaluatedSplits.indexOf(right.split) ||
      compare(order(left), order(right)) ||
      compare(left.metric, right.metric),
  )
}

/** Rows come in the order in which they were begun. */
function preferred(standing: StoredRun | null, next: StoredRun): StoredRun {
  if (standing === null || standing.task_hash !== next.task_hash) return next
  return next.done >= standing.done ? next : standing
}

function baseFirst(left: { readonly subject: RunSubject }, right: { readonly subject: RunSubject }): number {
  return Number(right.subject.kind === 'base') - Number(left.subject.kind === 'base')
}

function meanOf(cells: readonly Cell[]): number | null {
  const values = cells.flatMap((cell) => cell?.run.value ?? [])
  const directions = new Set(cells.flatMap((cell) => (cell ? metricOf(cell.run.metric).direction : [])))
  if (values.length === 0 || values.length < cells.length || directions.size > 1) return null
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function compare(left: number | string, right: number | string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
