import type { MetricId } from '../contract/metrics.ts'
import type { Problem } from '../contract/problems.ts'
import type { Difference, EvaluatedSplit, Outcome, Results, Run, RunSubject } from '../contract/run.ts'
import type { WholeRun } from './run-whole.ts'

/** A run as it is begun. */
export interface NewRun {
  /** The same for equal settings and hashes: such a run is never computed twice. */
  readonly key: string
  readonly baseId: string
  readonly taskId: string
  /** Hash of the task that the questions come from; runs of an earlier state of a task are never compared with later ones. */
  readonly taskHash: string
  readonly split: EvaluatedSplit
  readonly budget: Run['budget']
  readonly metric: MetricId
  readonly subject: RunSubject
  /** Examples that are asked, in their order; one that comes twice is asked once. */
  readonly exampleIds: readonly string[]
  /** Examples left out because their prompt is too long. */
  readonly skipped: number
  readonly provenance: Readonly<Record<string, string>>
}

/** A run that is there: its id, and the examples that have an outcome. */
export interface BegunRun {
  readonly id: string
  readonly done: ReadonlySet<string>
}

/** An outcome as it is put down; `position` is its example's place in the run's example ids, `weight` what measure() answered. */
export interface NewOutcome extends Outcome {
  readonly position: number
  readonly weight: number
}

/** Runs of a base model, of a task, of a split, of a subject; without a field: all. */
export interface RunFilter {
  readonly baseId?: string
  readonly taskId?: string
  readonly split?: EvaluatedSplit
  readonly subjectKey?: string
}

/** What a table of results is asked for; `taskIds` null: every task with a run. */
export interface ResultsQuery {
  readonly baseId: string
  readonly split: EvaluatedSplit | null
  readonly taskIds: readonly string[] | null
  /** Key of the subject that differences are to. */
  readonly baseline: string
  /** Title of a task; its id where it is not in the library any more. */
  readonly titleOf: (taskId: string) => string
}

/** Which outcomes of a run are shown; "there" is the run `other`. Right and wrong are those of metrics that know only these. */
export type OutcomeFilter = 'all' | 'right' | 'wrong' | 'wrong-here-right-there' | 'right-here-wrong-there' | 'differs'

export interface OutcomesQuery {
  readonly runId: string
  readonly other: string | null
  readonly filter: OutcomeFilter
  /** Words are not taken apart: prompt, answer or prediction holds this text, whatever the letter case. */
  readonly text: string
  readonly offset: number
  readonly limit: number
}

export interface OutcomesPage {
  readonly rows: readonly { readonly here: Outcome; readonly there: Outcome | null }[]
  readonly total: number
}

/** What evaluations found: runs and their raw outcomes. Ids of runs that are not there are refused (run-unknown). */
export interface RunStore {
  /** The run with that key, made when new. Throws a Refusal (base-unknown) when its base model was removed. */
  begin(run: NewRun): BegunRun
  /**
   * Puts outcomes down, all or none; an example that has one already keeps it. The run's count and value follow at once, its interval with them
   * where it is Wilson's; with the last example the run is finished. Throws a Refusal (run-unknown) when the run was removed meanwhile.
   */
  addOutcomes(runId: string, outcomes: readonly NewOutcome[]): void
  /**
   * Ends a piece of work on a run, whether or not every example was reached: the bootstrap interval follows. To be called for every run of a job that
   * ends. A run that was removed meanwhile is passed over.
   */
  finish(runId: string): Promise<void>
  byKey(key: string): Run | null
  get(id: string): Run | null
  /** With everything that another library needs to take it in; null for an unknown id. */
  whole(id: string): WholeRun | null
  /** Oldest first. */
  list(filter?: RunFilter): readonly Run[]
  /** Examples that the run is about, in their order. */
  exampleIds(id: string): readonly string[]
  /** Examples of that run that have an outcome. */
  done(id: string): ReadonlySet<string>
  remove(ids: readonly string[]): readonly Problem[]
  /** Runs as a table; differences that are not known yet are computed in slices, so that nothing else waits. */
  results(query: ResultsQuery): Promise<Results>
  outcomes(query: OutcomesQuery): OutcomesPage
  /** Paired difference of a run to another over the questions that both answered; null with fewer than two of them, for other metrics, or where one is gone. */
  difference(id: string, baselineId: string): Promise<Difference | null>
  /** Notes how long `tokens` took; later measurements count more than earlier ones. */
  noteRate(device: string, baseId: string, tokens: number, seconds: number): void
  /** Tokens per second of that base model on that device; null before the first. */
  rate(device: string, baseId: string): number | null
}
