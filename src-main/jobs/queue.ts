import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { restartableStates, type Job, type JobDetail, type JobKind } from '../contract/job.ts'
import type { Problem } from '../contract/problems.ts'
import type { JobStore, StoredJob } from '../library/job-store.ts'
import { openFileLog, type Log } from '../platform/log.ts'
import { readJobLog } from './job-log.ts'
import { createJobRecords } from './job-records.ts'
import { hasEnded } from './job-states.ts'
import { isAlive, processToken } from './process-token.ts'
import { notEnded, notRestartable, runsElsewhere, unknownJob } from './queue-problems.ts'
import { problemsOfFailure, runJob } from './run-job.ts'
import { publicJob, type JobInputs, type Runner, type Runners } from './runner.ts'

/** What `start` and `runAgain` answer: the new job, or why there is none. Warnings come along with a job. */
export interface Started {
  readonly jobId: string | null
  readonly problems: readonly Problem[]
}

/** One job after the other, kept in the library. */
export interface Queue {
  start<K extends JobKind>(kind: K, input: JobInputs[K]): Started
  list(): readonly Job[]
  /** The job as lists show it, with its live progress; null for an unknown id. */
  find(id: string): Job | null
  get(id: string): Promise<JobDetail | null>
  /** A queued job is cancelled at once, a running one within 200 ms; for an ended one nothing happens. */
  cancel(id: string): readonly Problem[]
  /** A new job with the same recipe, for one that failed, was cancelled or interrupted. */
  runAgain(id: string): Started
  /** Forgets an ended job and its log; results stay. */
  remove(id: string): readonly Problem[]
  /** Resolves when the job has ended. Throws for an unknown id. */
  whenEnded(id: string): Promise<Job>
  /** Ends what processes that no longer run have left running: those jobs become interrupted, and their unfinished outputs are removed. */
  tidy(): Promise<void>
  /** Tidies, and runs here what such processes have left queued. For the hosts that stay; a command only runs its own job. */
  open(): Promise<void>
  /** Stops: a running job becomes interrupted, queued ones stay. */
  close(): Promise<void>
}

/** What the queue is made of. */
export interface QueueOptions {
  readonly store: JobStore
  readonly runners: Runners
  readonly emit: { readonly changed: (job: Job) => void; readonly removed: (id: string) => void }
  /** Each job's log is `jobs/<id>.log` in here. */
  readonly logFolder: string
  readonly log: Log
  /** Asked for when a job begins: app version, addon build, device, threads, instruction set. The platform is added. */
  readonly provenance: () => Readonly<Record<string, string>>
  /** Keeps the machine awake; returns the way to let it sleep again. */
  readonly preventSleep?: (reason: string) => () => void
  readonly now?: () => Date
}

/** How often a queue looks whether the job of another process has ended, in milliseconds. */
const otherProcessIntervalMs = 250

/** The queue over the library's jobs: it runs what is started through it, `open` also takes over what others left. Of all queues of a library one runs. */
export function createQueue(options: QueueOptions): Queue {
  const { emit, log, preventSleep = () => () => undefined, now = () => new Date() } = options
  const token = processToken()
  let waiting: NodeJS.Timeout | undefined
  const records = createJobRecords(options.store, emit.changed, now)
  let current: { readonly id: string; readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  let closing = false
  const runnerOf = (kind: JobKind): Runner<JobInputs[JobKind]> => options.runners[kind]

  /** Runs the next job of this process, unless one runs, here or in another process: then it is looked again a little later. */
  function pump(): void {
    clearTimeout(waiting)
    if (current || closing) return
    let next: StoredJob | undefined
    try {
      next = records.list().find((job) => job.state === 'queued' && job.provenance['process'] === token)
      if (!next) return
      const wanted = next
      const job = options.store.alone(() => (runsInAnotherProcess() ? null : begin(wanted)))
      if (job) return follow(job)
    } catch (error) {
      // The library cannot be read or written: the job ends here, for nobody else would end it.
      const problems = [...problemsOfFailure(error, next?.id ?? 'unknown', log)]
      if (next) records.setState(next.id, 'cancelled', { problems })
    }
    waiting = setTimeout(pump, otherProcessIntervalMs)
  }

  function runsInAnotherProcess(): boolean {
    return options.store
      .list()
      .some(({ state, provenance: { process: owner } }) => ['running', 'stopping'].includes(state) && owner !== token && isAlive(owner))
  }

  function begin(next: StoredJob): StoredJob {
    const platform = `${process.platform} ${process.arch}, Node ${process.versions.node}`
    const provenance = { ...next.provenance, ...options.provenance(), platform, process: token }
    return records.setState(next.id, 'running', { startedAt: now().toISOString(), provenance })
  }

  function follow(job: StoredJob): void {
    const stop = new AbortController()
    const allowSleep = preventSleep(`Amalgam is running "${job.title}"`)
    const ended = run(job, stop.signal)
      .catch((error: unknown) => log.error('a job could not be ended', { job: job.id, error: String(error) }))
      .finally(() => {
        allowSleep()
        current = undefined
        pump()
      })
    current = { id: job.id, stop, ended }
  }

  async function run(job: StoredJob, signal: AbortSignal): Promise<void> {
    await runJob(job, runnerOf(job.kind), {
      signal,
      log: openFileLog({ file: job.logPath, now }),
      appLog: log,
      state: () => records.read(job.id).state,
      closing: () => closing,
      report: (progress) => records.report(job.id, progress),
      keep({ provenance, ...facts }) {
        records.change(job.id, { ...facts, ...(provenance && { provenance: { ...records.read(job.id).provenance, ...provenance } }) })
      },
      end: (state, patch) => void records.setState(job.id, state, patch),
    })
  }

  function enqueue(kind: JobKind, input: JobInputs[JobKind]): Started {
    const prepared = runnerOf(kind).prepare(input)
    if (!('job' in prepared)) return { jobId: null, problems: prepared.problems }
    const id = randomUUID()
    records.insert({
      ...prepared.job,
      id,
      kind,
      state: 'queued',
      createdAt: now().toISOString(),
      startedAt: null,
      endedAt: null,
      progress: null,
      resultAdapterId: null,
      provenance: { ...prepared.job.provenance, process: token },
      result: null,
      logPath: join(options.logFolder, 'jobs', `${id}.log`),
    })
    // Not at once: the caller learns the id before the first news of the running job.
    setImmediate(pump)
    return { jobId: id, problems: prepared.job.problems }
  }

  /** Jobs that did not end before their process did. */
  function left(): readonly StoredJob[] {
    return records.list().filter((job) => !hasEnded(job.state) && !isAlive(job.provenance['process']))
  }

  async function tidy(): Promise<void> {
    for (const job of left().filter(({ state }) => state !== 'queued')) {
      await runnerOf(job.kind).cleanUp(job)
      // Another process may have tidied at the same time.
      if (hasEnded(records.read(job.id).state)) continue
      records.setState(job.id, 'interrupted')
      log.warn('a job was interrupted when its process ended', { job: job.id, title: job.title })
    }
  }

  return {
    start: enqueue,
    list: () => records.list().map(publicJob),
    find(id) {
      const job = records.find(id)
      return job && publicJob(job)
    },
    async get(id) {
      const job = records.find(id)
      if (!job) return null
      const { recipe, result, logPath } = job
      // Whose job it is matters to the queues only.
      const { process: _owner, ...provenance } = job.provenance
      return { ...publicJob(job), recipe, log: await readJobLog(logPath), logPath, provenance, result }
    },
    cancel(id) {
      const job = records.find(id)
      if (!job) return [unknownJob(id)]
      if (job.state === 'queued') records.setState(id, 'cancelled')
      if (job.state !== 'running') return []
      if (current?.id !== id) return [runsElsewhere(job)]
      records.setState(id, 'stopping')
      current.stop.abort()
      return []
    },
    runAgain(id) {
      const job = records.find(id)
      if (!job) return { jobId: null, problems: [unknownJob(id)] }
      if (!restartableStates.includes(job.state)) return { jobId: null, problems: [notRestartable(job)] }
      return enqueue(job.kind, runnerOf(job.kind).inputOf(job))
    },
    remove(id) {
      const job = records.find(id)
      if (!job) return [unknownJob(id)]
      if (!hasEnded(job.state)) return [notEnded(job)]
      options.store.remove(id)
      rmSync(job.logPath, { force: true })
      emit.removed(id)
      return []
    },
    whenEnded: (id) => records.whenEnded(id),
    tidy,
    async open() {
      await tidy()
      for (const job of left().filter(({ state }) => state === 'queued'))
        records.change(job.id, { provenance: { ...job.provenance, process: token } })
      pump()
    },
    async close() {
      closing = true
      clearTimeout(waiting)
      current?.stop.abort()
      await current?.ended
      records.close()
    },
  }
}
