import type Database from 'better-sqlite3'
import type { RunRef } from '../contract/runs-list.ts'

/** An evaluation as the list of runs needs it. */
export interface EvaluationLine {
  readonly id: string
  readonly taskId: string
  readonly baseId: string
  readonly subject: string
  readonly split: string
  readonly metric: string
  readonly n: number
  readonly done: number
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  readonly begunAt: string
  readonly finishedAt: string | null
}

/** What Adapt did, as the list of runs needs it. */
export interface AdaptationLine {
  readonly id: string
  readonly title: string
  readonly taskId: string
  readonly baseId: string
  readonly state: string
  readonly createdAt: string
}

/** What a person noted on runs, and the lines of those that carry notes. Plans keep "archived" themselves (PlanStore). */
export interface RunMarks {
  /** Evaluations that are archived, or those that are not; newest first. */
  evaluations(archived: boolean): readonly EvaluationLine[]
  /** Adaptations that are archived, or those that are not; newest first. */
  adaptations(archived: boolean): readonly AdaptationLine[]
  /** Notes it on evaluations and adaptations; those that are not there are passed over. */
  setArchived(runs: readonly RunRef[], archived: boolean): void
  isArchived(run: RunRef): boolean
  /** The one run that others are compared with; null takes it away. */
  pin(run: RunRef | null): void
  pinned(): RunRef | null
}

/** The marks of `db`. */
export function createRunMarks(db: Database.Database): RunMarks {
  const marked = (kind: string, id: string): string =>
    `EXISTS (SELECT 1 FROM run_marks m WHERE m.kind = '${kind}' AND m.id = ${id} AND m.archived = 1) = ?`
  const evaluations = db.prepare<[number], EvaluationLine>(
    `SELECT r.id, r.task_id AS taskId, r.base_id AS baseId, r.subject ->> '$.label' AS subject, r.split, r.metric, r.n, r.done,
       r.value, r.low, r.high, r.created_at AS begunAt, r.finished_at AS finishedAt
     FROM runs r WHERE ${marked('evaluation', 'r.id')} ORDER BY r.seq DESC`,
  )
  const adaptations = db.prepare<[number], AdaptationLine>(
    `SELECT d.job_id AS id, j.title, d.task_id AS taskId, d.base_id AS baseId, j.state, j.created_at AS createdAt
     FROM adaptations d JOIN jobs j ON j.id = d.job_id WHERE ${marked('adaptation', 'd.job_id')} ORDER BY j.seq DESC`,
  )
  const putArchived = db.prepare(
    `INSERT INTO run_marks (kind, id, archived) SELECT @kind, @id, @archived
     WHERE @archived = 0 OR CASE @kind WHEN 'evaluation' THEN EXISTS (SELECT 1 FROM runs WHERE id = @id)
       WHEN 'adaptation' THEN EXISTS (SELECT 1 FROM adaptations WHERE job_id = @id) ELSE 0 END
     ON CONFLICT (kind, id) DO UPDATE SET archived = @archived`,
  )
  const archivedOf = db.prepare<[string, string], number>('SELECT archived FROM run_marks WHERE kind = ? AND id = ?').pluck()
  const unpin = db.prepare('UPDATE run_marks SET pinned = 0 WHERE pinned = 1')
  const putPin = db.prepare(
    'INSERT INTO run_marks (kind, id, pinned) VALUES (@kind, @id, 1) ON CONFLICT (kind, id) DO UPDATE SET pinned = 1',
  )
  const pinned = db.prepare<[], RunRef>('SELECT kind, id FROM run_marks WHERE pinned = 1')
  const forgetPlain = db.prepare('DELETE FROM run_marks WHERE archived = 0 AND pinned = 0')
  return {
    evaluations: (archived) => evaluations.all(Number(archived)),
    adaptations: (archived) => adaptations.all(Number(archived)),
    setArchived: (runs, archived) =>
      db
        .transaction(() => {
          for (const { kind, id } of runs) putArchived.run({ kind, id, archived: Number(archived) })
          forgetPlain.run()
        })
        .immediate(),
    isArchived: ({ kind, id }) => archivedOf.get(kind, id) === 1,
    pin: (run) =>
      db
        .transaction(() => {
          unpin.run()
          if (run) putPin.run({ kind: run.kind, id: run.id })
          forgetPlain.run()
        })
        .immediate(),
    pinned: () => pinned.get() ?? null,
  }
}
