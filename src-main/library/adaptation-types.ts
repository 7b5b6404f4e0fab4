import type { Adaptation, AdaptationDetail, AdaptInput } from '../contract/adapt.ts'

/** What is put down when a job of Adapt is started. Title, state, times, result and problems are the job's own. */
export interface NewAdaptation {
  readonly jobId: string
  readonly input: AdaptInput
  readonly group: string | null
  /** Complete parameters. */
  readonly params: Adaptation['params']
  /** Steps or trials. */
  readonly total: number
}

/** Fields of a stored adaptation that become known while it runs. */
export type AdaptationPatch = Partial<
  Pick<
    AdaptationDetail,
    | 'done'
    | 'total'
    | 'chosenStep'
    | 'startLoss'
    | 'chosenLoss'
    | 'noValidation'
    | 'method'
    | 'selection'
    | 'curve'
    | 'stopped'
    | 'stoppedText'
    | 'trials'
    | 'chosenTrial'
    | 'coefficients'
    | 'form'
    | 'check'
    | 'trainExamples'
    | 'validationExamples'
    | 'skipped'
    | 'cost'
    | 'provenance'
  >
>

/** What was adapted: one row for each job of Adapt, gone with the job. */
export interface AdaptationStore {
  /** A row for a job that is in the library; throws when it is not. */
  begin(adaptation: NewAdaptation): void
  /** Changes the given fields; an unknown job changes nothing. */
  update(jobId: string, patch: AdaptationPatch): void
  /** What `begin` was given; null for an unknown job. */
  input(jobId: string): AdaptInput | null
  get(jobId: string): AdaptationDetail | null
  /** Newest first. */
  list(filter?: { readonly taskId?: string | null; readonly baseId?: string | null }): Adaptation[]
  /** Fingerprints of jobs that are under way or can be run again: their work folders are kept. */
  keptFingerprints(): readonly string[]
}
