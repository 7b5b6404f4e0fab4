import type { JobProgress, JobState } from '../contract/job.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { JobPatch, StoredJob } from '../library/job-store.ts'
import type { FileLog, Log } from '../platform/log.ts'
import { failureProblem } from './failure-problems.ts'
import type { RunContext, Runner } from './runner.ts'

/** What the queue gives to one run. */
export interface RunPorts {
  readonly signal: AbortSignal
  /** The job's own log. */
  readonly log: FileLog
  /** The app's log, for defects. */
  readonly appLog: Log
  readonly state: () => JobState
  /** True when the app is going down. */
  readonly closing: () => boolean
  readonly report: (progress: JobProgress) => void
  readonly keep: RunContext['keep']
  readonly end: (state: JobState, patch: JobPatch) => void
}

/** Runs one job to its end and says how it ended. Never rejects: what a runner throws becomes the job's problems. */
export async function runJob<Input>(job: StoredJob, runner: Runner<Input>, ports: RunPorts): Promise<void> {
  const { log } = ports
  log.info('started', { job: job.id, title: job.title, ...job.provenance })
  let stage = ''
  const context: RunContext = {
    signal: ports.signal,
    report(progress) {
      if (progress.stage !== stage) log.info(`stage: ${progress.stage}`)
      stage = progress.stage
      ports.report(progress)
    },
    note: (message) => log.info(message),
    keep: ports.keep,
  }
  const end = await settle(runner, job, context, ports)
  for (const problem of end.patch.problems ?? []) {
    const { code, message, where, hint } = problem
    log[problem.severity === 'error' ? 'error' : 'warn'](`${code}: ${message}`, { ...(where && { where }), ...(hint && { hint }) })
  }
  if (end.patch.result !== undefined) log.info('result', { result: end.patch.result })
  log.info(end.state)
  // The log is complete before anybody hears of the end and reads it.
  await log.close()
  // The wish to stop may have come while the log was written.
  ports.end(end.state === 'failed' && ports.state() === 'stopping' ? 'cancelled' : end.state, end.patch)
}

interface End {
  readonly state: JobState
  readonly patch: JobPatch
}

async function settle<Input>(runner: Runner<Input>, job: StoredJob, context: RunContext, ports: RunPorts): Promise<End> {
  try {
    const { adapterId, result, problems } = await runner.run(job, context)
    return { state: 'done', patch: { resultAdapterId: adapterId, result, problems: [...problems] } }
  } catch (error) {
    const problems = [...problemsOfFailure(error, job.id, ports.appLog)]
    const left = problems.filter((problem) => problem.code !== 'cancelled')
    if (ports.state() === 'stopping') return { state: 'cancelled', patch: { problems: left } }
    if (ports.closing()) return { state: 'interrupted', patch: { problems: left } }
    return { state: 'failed', patch: { problems } }
  }
}

/** What a person is told of something that a job threw; defects go to the app's log in full. */
export function problemsOfFailure(error: unknown, jobId: string, appLog: Log): readonly Problem[] {
  if (error instanceof Refusal) return error.problems
  const failure = failureProblem(error)
  if (failure) return [failure]
  appLog.error('a job failed unexpectedly', { job: jobId, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  return [
    errorProblem('internal', `The job failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`, {
      hint: 'The details are in the log of the app. Running it again does no harm.',
    }),
  ]
}
