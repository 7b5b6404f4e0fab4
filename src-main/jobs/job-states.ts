import { endedStates, type JobState } from '../contract/job.ts'

/** Where each state may go; everything else is a defect. */
const nextStates: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['running', 'cancelled'],
  running: ['stopping', 'done', 'failed', 'interrupted'],
  // done: the last step had ended before the wish to stop was heard.
  stopping: ['cancelled', 'done', 'interrupted'],
  done: [],
  failed: [],
  cancelled: [],
  interrupted: [],
}

/** `to`, when a job may go there from `from`; throws otherwise. */
export function moveTo(from: JobState, to: JobState): JobState {
  if (!nextStates[from].includes(to)) throw new Error(`a job may not go from ${from} to ${to}`)
  return to
}

/** True when nothing more happens to a job by itself. */
export function hasEnded(state: JobState): boolean {
  return endedStates.includes(state)
}
