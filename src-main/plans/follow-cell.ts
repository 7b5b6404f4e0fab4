import type { Job } from '../contract/job.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { CellHooks, PlanServices } from './plan-services.ts'

/** How often a running job is looked at, in milliseconds. */
const lookIntervalMs = 200

/** Waits for a job of a cell, tells how it goes, and cancels it when the plan is to stop. Throws a Refusal with the job's problems unless it ends well. */
export async function followCellJob(jobId: string, { queue }: Pick<PlanServices, 'queue'>, hooks: CellHooks): Promise<Job> {
  hooks.started(jobId)
  const cancel = (): void => void queue.cancel(jobId)
  hooks.signal.addEventListener('abort', cancel)
  if (hooks.signal.aborted) cancel()
  const looking = setInterval(() => {
    const progress = queue.find(jobId)?.progress
    if (progress) hooks.report(progress.stage, progress.fraction, progress.etaSeconds)
  }, lookIntervalMs)
  try {
    const job = await queue.whenEnded(jobId)
    if (job.state === 'done') return job
    throw new Refusal(job.problems.length > 0 ? job.problems : [notDone(job)])
  } finally {
    clearInterval(looking)
    hooks.signal.removeEventListener('abort', cancel)
  }
}

/** Throws when the plan is to stop. */
export function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new Refusal([errorProblem('cancelled', 'The plan was stopped.')])
}

/** Whether a job with that id is kept and has ended well. */
export function doneJob(jobId: string | null, { queue }: Pick<PlanServices, 'queue'>): Job | null {
  const job = jobId === null ? null : queue.find(jobId)
  return job?.state === 'done' ? job : null
}

function notDone({ title, state }: Job): Problem {
  return errorProblem('cancelled', `The job "${title}" was ${state}.`, { hint: 'Run this part of the plan again.' })
}
