import type Database from 'better-sqlite3'
import type { MetricId } from '../contract/metrics.ts'
import type { EvaluatedSplit, Run, RunSubject } from '../contract/run.ts'
import { outcomeOf, storedOutcomeColumns, type StoredOutcome } from './run-rows.ts'
import type { NewOutcome, NewRun } from './run-types.ts'

/** A run as another library can take it in: `begin`, then `addOutcomes`. */
export interface WholeRun {
  readonly run: NewRun
  readonly outcomes: readonly NewOutcome[]
}

interface WholeRow {
  readonly seq: number
  readonly key: string
  readonly base_id: string
  readonly task_id: string
  readonly task_hash: string
  readonly split: string
  readonly budget: number | null
  readonly metric: string
  readonly subject: string
  readonly skipped: number
  readonly provenance: string
  readonly ids: string
}

/** Reads runs with all that they hold; null for an id that is not there. */
export function createWholeRuns(db: Database.Database): (id: string) => WholeRun | null {
  const byId = db.prepare<[string], WholeRow>(
    `SELECT r.seq, r.key, r.base_id, r.task_id, r.task_hash, r.split, r.budget, r.metric, r.subject, r.skipped, r.provenance, l.ids
     FROM runs r JOIN example_lists l ON l.list_id = r.list_id WHERE r.id = ?`,
  )
  const outcomes = db.prepare<[number], StoredOutcome & { readonly position: number; readonly weight: number }>(
    `SELECT ${storedOutcomeColumns}, o.position, o.weight FROM outcomes o JOIN questions q ON q.question_id = o.question_id
     WHERE o.run_seq = ? ORDER BY o.position`,
  )
  return (id) => {
    const row = byId.get(id)
    if (!row) return null
    return {
      run: {
        ...{ key: row.key, baseId: row.base_id, taskId: row.task_id, taskHash: row.task_hash, skipped: row.skipped },
        split: row.split as EvaluatedSplit,
        budget: row.budget as Run['budget'],
        metric: row.metric as MetricId,
        subject: JSON.parse(row.subject) as RunSubject,
        exampleIds: JSON.parse(row.ids) as string[],
        provenance: JSON.parse(row.provenance) as Run['provenance'],
      },
      outcomes: outcomes.all(row.seq).map((found) => ({ ...outcomeOf(found), position: found.position, weight: found.weight })),
    }
  }
}
