import { restartableStates } from '../contract/job.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { StoredJob } from '../library/job-store.ts'

/** No job has this id. */
export function unknownJob(id: string): Problem {
  return errorProblem('job-unknown', `There is no job ${id}.`, { where: { value: id }, hint: 'It may have been removed from the list.' })
}

/** The job belongs to another process that still runs. */
export function runsElsewhere(job: StoredJob): Problem {
  return errorProblem('request-invalid', `"${job.title}" is ${job.state} in another Amalgam process.`, {
    where: { value: job.id },
    hint: 'Stop it in the window or the terminal in which it was started.',
  })
}

/** Only jobs that did not get to their end can be run again. */
export function notRestartable(job: StoredJob): Problem {
  return errorProblem('job-not-restartable', `"${job.title}" is ${job.state}, so it cannot be run again.`, {
    where: { value: job.id },
    allowed: restartableStates,
    hint: job.state === 'done' ? 'Start a new merge from its recipe.' : 'Wait until it has ended, or cancel it first.',
  })
}

/** A job that has not ended stays in the list. */
export function notEnded(job: StoredJob): Problem {
  return errorProblem('request-invalid', `"${job.title}" is ${job.state}, so it cannot be removed from the list.`, {
    where: { value: job.id },
    hint: 'Cancel it first.',
  })
}
