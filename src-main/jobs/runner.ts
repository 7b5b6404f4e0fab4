import type { Job, JobKind, JobProgress } from '../contract/job.ts'
import type { Problem } from '../contract/problems.ts'
import type { StoredJob } from '../library/job-store.ts'
import type { AdaptJobInput } from './adapt-input.ts'
import type { CompareInput } from './compare-input.ts'
import type { EvaluateJobInput } from './evaluate-input.ts'
import type { ExportInput } from './export-input.ts'
import type { MergeInput } from './merge-input.ts'

/** What each kind of job is started with. */
export interface JobInputs {
  readonly merge: MergeInput
  readonly export: ExportInput
  readonly compare: CompareInput
  readonly evaluate: EvaluateJobInput
  readonly select: AdaptJobInput
  readonly tune: AdaptJobInput
  readonly search: AdaptJobInput
  readonly train: AdaptJobInput
  readonly control: AdaptJobInput
}

/** What is stored with a job before it runs. */
export type PreparedJob = Pick<StoredJob, 'title' | 'recipe' | 'resolved' | 'provenance' | 'problems' | 'fingerprint'>

/** What a running job is given: the wish to stop, and the ways to say how it goes. */
export interface RunContext {
  readonly signal: AbortSignal
  report(progress: JobProgress): void
  /** A line of the job's log. */
  note(message: string): void
  /** Keeps facts that became known while running; provenance is added to what is there. */
  keep(facts: Partial<Pick<StoredJob, 'resolved' | 'fingerprint' | 'provenance'>>): void
}

/** What a finished job leaves. */
export interface RunOutcome {
  readonly adapterId: string | null
  readonly result: unknown
  readonly problems: readonly Problem[]
}

/** One kind of job. Refusals thrown by `run` become the job's problems; anything else thrown is a defect and is logged as such. */
export interface Runner<Input> {
  /** Checks what can be checked before queueing; a prepared job may carry warnings. */
  prepare(input: Input): { readonly job: PreparedJob } | { readonly problems: readonly Problem[] }
  run(job: StoredJob, context: RunContext): Promise<RunOutcome>
  /** The input that starts the same work again. */
  inputOf(job: StoredJob): Input
  /** Removes what a job left behind whose process ended without doing so. */
  cleanUp(job: StoredJob): Promise<void>
}

export type Runners = { readonly [K in JobKind]: Runner<JobInputs[K]> }

/** The part of a stored job that lists and events show. */
export function publicJob(job: StoredJob): Job {
  const { id, kind, title, state, createdAt, startedAt, endedAt, progress, resultAdapterId, problems, fingerprint } = job
  return { id, kind, title, state, createdAt, startedAt, endedAt, progress, resultAdapterId, problems, fingerprint }
}
