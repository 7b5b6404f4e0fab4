import type { Job, JobProgress, JobState } from '../contract/job.ts'
import type { JobPatch, JobStore, StoredJob } from '../library/job-store.ts'
import { coalesce } from './coalesce.ts'
import { failureProblem } from './failure-problems.ts'
import { hasEnded, moveTo } from './job-states.ts'
import { publicJob } from './runner.ts'

/** The stored jobs with what is only in memory: live progress, who waits for an end, and the news that go out. */
export interface JobRecords {
  find(id: string): StoredJob | null
  /** Throws for an unknown id. */
  read(id: string): StoredJob
  list(): readonly StoredJob[]
  insert(job: StoredJob): void
  change(id: string, patch: JobPatch): StoredJob
  /**
   * Changes the state (only as job-states.ts allows) and tells it at once. An end that the library cannot store counts as failed, for as long as
   * this process runs: whoever waits for it hears of it.
   */
  setState(id: string, to: JobState, patch?: JobPatch): StoredJob
  /** Progress is told, and stored only with the next change of another kind: it changes often and is worth nothing after a crash. */
  report(id: string, progress: JobProgress): void
  whenEnded(id: string): Promise<Job>
  close(): void
}

const emitIntervalMs = 100

/** Records over the library's jobs; `changed` hears of a job at most once in 100 ms, of a change of state always and at once. */
export function createJobRecords(store: JobStore, changed: (job: Job) => void, now: () => Date): JobRecords {
  const news = coalesce<Job>(changed, emitIntervalMs)
  const live = new Map<string, JobProgress>()
  const notStored = new Map<string, StoredJob>()
  const waiters = new Map<string, ((job: Job) => void)[]>()
  const withProgress = (job: StoredJob): StoredJob => ({ ...job, progress: live.get(job.id) ?? job.progress })

  function find(id: string): StoredJob | null {
    const job = notStored.get(id) ?? store.get(id)
    return job && withProgress(job)
  }

  function read(id: string): StoredJob {
    const job = find(id)
    if (!job) throw new Error(`there is no job ${id}`)
    return job
  }

  function setState(id: string, to: JobState, patch: JobPatch = {}): StoredJob {
    const before = read(id)
    const state = moveTo(before.state, to)
    const ended = hasEnded(state)
    const progress = state === 'done' ? null : (live.get(id) ?? null)
    if (ended) live.delete(id)
    const change = { ...patch, state, ...(ended && { endedAt: now().toISOString(), progress }) }
    try {
      store.update(id, change)
    } catch (error) {
      const problem = failureProblem(error)
      if (!ended || !problem) throw error
      notStored.set(id, { ...before, ...change, state: 'failed', problems: [problem, ...(change.problems ?? [])] })
    }
    const job = read(id)
    news.flush(id, publicJob(job))
    if (!ended) return job
    for (const tell of waiters.get(id) ?? []) tell(publicJob(job))
    waiters.delete(id)
    return job
  }

  return {
    find,
    read,
    list: () => store.list().map((job) => withProgress(notStored.get(job.id) ?? job)),
    insert(job) {
      store.insert(job)
      news.flush(job.id, publicJob(job))
    },
    change(id, patch) {
      store.update(id, patch)
      const job = read(id)
      news.send(id, publicJob(job))
      return job
    },
    setState,
    report(id, progress) {
      live.set(id, progress)
      news.send(id, publicJob(read(id)))
    },
    whenEnded(id) {
      const job = read(id)
      if (hasEnded(job.state)) return Promise.resolve(publicJob(job))
      return new Promise((resolve) => waiters.set(id, [...(waiters.get(id) ?? []), resolve]))
    },
    close: () => news.close(),
  }
}
