import type Database from 'better-sqlite3'
import type { Job, JobKind, JobProgress, JobState } from '../contract/job.ts'

/** A job as the queue keeps it: what the job list shows, and what is needed to run it and to explain it afterwards. */
export interface StoredJob extends Job {
  /** The recipe as YAML with every default filled in. */
  readonly recipe: string
  /** The resolved job as JSON text: what runs. */
  readonly resolved: string
  /** App version, addon build, device, threads. */
  readonly provenance: Readonly<Record<string, string>>
  readonly result: unknown
  readonly logPath: string
}
export type JobPatch = Partial<Omit<StoredJob, 'id' | 'kind' | 'createdAt'>>

/** The queue's rows, oldest first. */
export interface JobStore {
  insert(job: StoredJob): void
  /** Changes the given fields of a job; unknown ids change nothing. */
  update(id: string, patch: JobPatch): void
  get(id: string): StoredJob | null
  list(): StoredJob[]
  remove(id: string): void
  /** Does `work` while no other process can write. */
  alone<T>(work: () => T): T
}

interface JobRow {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly state: string
  readonly created_at: string
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly progress: string | null
  readonly result_adapter_id: string | null
  readonly problems: string
  readonly fingerprint: string | null
  readonly recipe: string
  readonly resolved: string
  readonly provenance: string
  readonly result: string | null
  readonly log_path: string
}

const columns = `id, kind, title, state, created_at, started_at, ended_at, progress, result_adapter_id, problems, fingerprint,
  recipe, resolved, provenance, result, log_path`
const values = columns.replaceAll(/(\w+)/g, '@$1')

/** The job rows of `db`. */
export function createJobStore(db: Database.Database): JobStore {
  const insert = db.prepare(`INSERT INTO jobs (${columns}) VALUES (${values})`)
  const update = db.prepare(`UPDATE jobs SET (${columns}) = (${values}) WHERE id = @id`)
  const byId = db.prepare<[string], JobRow>(`SELECT ${columns} FROM jobs WHERE id = ?`)
  const all = db.prepare<[], JobRow>(`SELECT ${columns} FROM jobs ORDER BY seq`)
  const remove = db.prepare('DELETE FROM jobs WHERE id = ?')
  const get = (id: string): StoredJob | null => jobOf(byId.get(id))
  return {
    insert: (job) => void insert.run(rowOf(job)),
    update: (id, patch) => {
      const job = get(id)
      if (job) update.run(rowOf({ ...job, ...patch, id }))
    },
    get,
    list: () => all.all().map((row) => jobOf(row)!),
    remove: (id) => void remove.run(id),
    alone: (work) => db.transaction(work).immediate(),
  }
}

function rowOf(job: StoredJob): JobRow {
  return {
    id: job.id,
    kind: job.kind,
    title: job.title,
    state: job.state,
    created_at: job.createdAt,
    started_at: job.startedAt,
    ended_at: job.endedAt,
    progress: job.progress === null ? null : JSON.stringify(job.progress),
    result_adapter_id: job.resultAdapterId,
    problems: JSON.stringify(job.problems),
    fingerprint: job.fingerprint,
    recipe: job.recipe,
    resolved: job.resolved,
    provenance: JSON.stringify(job.provenance),
    result: job.result === null || job.result === undefined ? null : JSON.stringify(job.result),
    log_path: job.logPath,
  }
}

function jobOf(row: JobRow | undefined): StoredJob | null {
  if (!row) return null
  return {
    id: row.id,
    kind: row.kind as JobKind,
    title: row.title,
    state: row.state as JobState,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    progress: row.progress === null ? null : (JSON.parse(row.progress) as JobProgress),
    resultAdapterId: row.result_adapter_id,
    problems: JSON.parse(row.problems) as Job['problems'],
    fingerprint: row.fingerprint,
    recipe: row.recipe,
    resolved: row.resolved,
    provenance: JSON.parse(row.provenance) as Record<string, string>,
    result: row.result === null ? null : (JSON.parse(row.result) as unknown),
    logPath: row.log_path,
  }
}
