import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ClusterJob } from '../contract/cluster-job.ts'
import type { CellResult } from '../contract/plan-run.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import { addSpent } from '../plans/cell-cost.ts'
import type { CellHooks, CellToRun, PlanServices } from '../plans/plan-services.ts'
import { copyAdapterTo } from './copy-content.ts'
import { cellOfJob } from './describe-jobs.ts'
import { takeLock, type LockHolder } from './job-lock.ts'
import { isResultOf, portableResult } from './portable-result.ts'
import { scoreOnce } from './score-once.ts'
import { giveScores, takeScores } from './share-scores.ts'
import { readJob, readResult, sharedFolderOf, writeShared, type JobFailure, type SharedFolder } from './shared-folder.ts'
import { takeAdapters, takeContents, type JobServices } from './take-contents.ts'

/** What running a job needs of the place it runs in. */
export interface JobTools {
  /** Opens the library in a folder, does the work with it and closes it again. */
  withLibrary<T>(folder: string, work: (services: JobServices) => Promise<T>): Promise<T>
  /** Runs one cell and measures it on the test examples. */
  runCell(cell: CellToRun, services: PlanServices, hooks: CellHooks): Promise<CellResult>
  readonly signal: AbortSignal
  report: CellHooks['report']
}

export interface RunJobOptions {
  /** Folder on a disk of this machine for the job's library. */
  readonly work: string
  /** Keeps the adapter also where no other job takes it. */
  readonly keepAdapter: boolean
}

/** done: run now; known: its result was there. */
export interface RunJobOutcome {
  readonly state: 'done' | 'known'
  readonly job: ClusterJob
  readonly result: CellResult
}

/**
 * Runs the job in a file, unless its result is there, and puts the result beside it. The job has a library of its own on this machine's disk, because SQLite
 * must not lie on a network file system; what a killed job goes on from lies in the shared folder. Of several processes one runs the job, the others are
 * refused (job-locked). Throws a Refusal (job-file-not-readable, job-needs-other, content-differs, file-missing, and what the cell refuses).
 */
export async function runJob(file: string, options: RunJobOptions, tools: JobTools): Promise<RunJobOutcome> {
  const job = await readJob(file)
  const shared = sharedFolderOf(file)
  const known = await readResult(shared, job.number)
  if (known && isResultOf(known, job)) return { state: 'known', job, result: known }
  const taken = await takeLock(shared.locks, String(job.number))
  if ('heldBy' in taken) throw new Refusal([locked(job, taken.heldBy)])
  const { lock } = taken
  try {
    // Another process may have ended it since.
    const meanwhile = await readResult(shared, job.number)
    if (meanwhile && isResultOf(meanwhile, job)) return { state: 'known', job, result: meanwhile }
    const own = await ownOf(job, shared)
    const signal = AbortSignal.any([tools.signal, lock.lost])
    const result = await runNoted(job, own, shared, options, { ...tools, signal })
    return { state: 'done', job, result }
  } finally {
    await lock.release()
  }
}

/** Runs it, and leaves a note where it failed; a job that was stopped leaves none. */
async function runNoted(
  job: ClusterJob,
  own: CellResult | null,
  shared: SharedFolder,
  options: RunJobOptions,
  tools: JobTools,
): Promise<CellResult> {
  try {
    const result = await runAlone(job, own, shared, options, tools)
    await rm(shared.failure(job.number), { force: true })
    await rm(shared.work(job.number), { recursive: true, force: true })
    return result
  } catch (error) {
    if (tools.signal.aborted) throw error
    const problems = error instanceof Refusal ? error.problems : [errorProblem('internal', String(error))]
    const failure: JobFailure = { fingerprint: job.fingerprint, at: new Date().toISOString(), host: hostname(), problems: [...problems] }
    await writeShared(shared.failure(job.number), failure)
    throw error
  }
}

async function runAlone(
  job: ClusterJob,
  own: CellResult | null,
  shared: SharedFolder,
  options: RunJobOptions,
  tools: JobTools,
): Promise<CellResult> {
  const folder = await freshFolder(options.work, `amalgam-job-${hashOf([shared.root, job.fingerprint]).slice(0, 12)}-`)
  try {
    await linkCheckpoints(folder, shared.work(job.number))
    return await tools.withLibrary(folder, (services) => runIn(services, job, own, shared, options, tools))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runIn(
  services: JobServices,
  job: ClusterJob,
  own: CellResult | null,
  shared: SharedFolder,
  { keepAdapter }: RunJobOptions,
  tools: JobTools,
): Promise<CellResult> {
  const { plans } = services
  const { adapters, runs } = plans.library
  tools.report('taking in the contents', 0, null)
  const plan = await takeContents(job, shared, services)
  const [ownId = null] = own?.adapter && job.needs ? await takeAdapters([ownContent(own.adapter, job.needs.number, shared)], services) : []
  const scores = shared.scores(job.task.hash)
  await takeScores(scores, { baseId: plan.baseId, taskId: job.task.id, taskHash: job.task.hash }, runs)
  const hooks: CellHooks = { signal: tools.signal, report: tools.report, started: () => undefined }
  const toRun: CellToRun = { plan, cell: cellOfJob(job), ownId }
  const scored = await scoreOnce(toRun, shared, plans, hooks)
  let made: CellResult
  try {
    made = await tools.runCell(toRun, plans, hooks)
  } finally {
    // What was scored before a failure is as good as after it.
    await giveScores(scores, runs)
  }
  if (tools.signal.aborted) throw new Refusal([errorProblem('cancelled', 'The job was stopped; run again, it goes on where it was.')])
  const portable = portableResult(made, (id) => adapters.get(id)?.contentHash ?? null, hostname())
  // This library knows the adapter, and not what training it took.
  const { tokens, seconds } = own?.cost.learning ?? portable.cost.own
  const cost = { ...portable.cost, own: { tokens, seconds }, spent: addSpent(portable.cost.spent, scored) }
  const result: CellResult = { ...portable, cost }
  const path = made.adapter?.path ?? null
  if (path !== null && (keepAdapter || job.arm.role === 'own')) {
    await rm(shared.adapter(job.number), { recursive: true, force: true })
    await copyAdapterTo(shared.adapter(job.number), path)
  }
  // The result comes last: where it is, everything is.
  await writeShared(shared.result(job.number), result)
  return result
}

/** The result whose adapter this job takes; null where it takes none. */
async function ownOf({ needs, cell }: ClusterJob, shared: SharedFolder): Promise<CellResult | null> {
  if (needs === null) return null
  const result = await readResult(shared, needs.number)
  if (result?.adapter && isResultOf(result, needs)) return result
  throw new Refusal([
    errorProblem('job-needs-other', `${cell} takes the adapter of ${needs.cell}, which has no result yet.`, {
      where: { path: shared.result(needs.number), value: needs.cell },
      hint: `Run that job first: "amalgam plan run-job ${shared.job(needs.number)}".`,
    }),
  ])
}

function ownContent({ name, contentHash }: NonNullable<CellResult['adapter']>, number: number, shared: SharedFolder) {
  return { name, contentHash, path: shared.adapter(number) }
}

/** A new folder below `work`; those that killed processes of the same job left on this machine go. */
async function freshFolder(work: string, start: string): Promise<string> {
  await mkdir(work, { recursive: true })
  for (const name of await readdir(work)) if (name.startsWith(start)) await rm(join(work, name), { recursive: true, force: true })
  return mkdtemp(join(work, start))
}

/** Checkpoints and journals of the job's library lie in the shared folder, where the next process finds them. */
async function linkCheckpoints(library: string, work: string): Promise<void> {
  const target = join(work, 'adaptations')
  await mkdir(target, { recursive: true })
  await symlink(target, join(library, 'adaptations'), 'junction')
}

function locked({ cell }: ClusterJob, { host, process, since }: LockHolder): Problem {
  return errorProblem('job-locked', `${cell} is being run on ${host} (process ${process.split('@')[0] ?? ''}) since ${since}.`, {
    where: { value: host },
    hint: 'Wait for it. A process that was killed is noticed at once on its own machine, elsewhere after two minutes.',
  })
}
