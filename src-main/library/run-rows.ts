import type { MetricId } from '../contract/metrics.ts'
import type { EvaluatedSplit, Outcome, Run, RunSubject } from '../contract/run.ts'

/** A run as the tables hold it. */
export interface StoredRun {
  readonly seq: number
  readonly id: string
  readonly base_id: string
  readonly task_id: string
  readonly task_hash: string
  readonly split: string
  readonly budget: number | null
  readonly metric: string
  readonly subject: string
  readonly n: number
  readonly skipped: number
  readonly done: number
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  readonly interval_kind: string
  readonly provenance: string
  readonly problems: string
  readonly finished_at: string | null
}

/** Its columns, of a table called r. */
export const storedRunColumns = `r.seq, r.id, r.base_id, r.task_id, r.task_hash, r.split, r.budget, r.metric, r.subject, r.n, r.skipped, r.done,
  r.value, r.low, r.high, r.interval_kind, r.provenance, r.problems, r.finished_at`

/** The run as the contract says it. */
export function runOf(row: StoredRun): Run {
  return {
    id: row.id,
    subject: JSON.parse(row.subject) as RunSubject,
    baseId: row.base_id,
    taskId: row.task_id,
    split: row.split as EvaluatedSplit,
    budget: row.budget as Run['budget'],
    metric: row.metric as MetricId,
    done: row.done,
    n: row.n,
    skipped: row.skipped,
    value: row.value,
    low: row.low,
    high: row.high,
    intervalKind: row.interval_kind,
    finishedAt: row.finished_at,
    provenance: JSON.parse(row.provenance) as Run['provenance'],
    problems: JSON.parse(row.problems) as Run['problems'],
  }
}

/** An outcome with its question. */
export interface StoredOutcome {
  readonly question_id: number
  readonly example_id: string
  readonly prompt: string
  readonly answer: string
  readonly prediction: string | null
  readonly value: number | null
  readonly correct: number | null
  readonly log_likelihood: number | null
  readonly choices: string | null
  readonly problem: string | null
}

/** Its columns, of outcomes called o and questions called q. */
export const storedOutcomeColumns = `o.question_id, q.example_id, q.prompt, q.answer, o.prediction, o.value, o.correct, o.log_likelihood,
  o.choices, o.problem`

/** The outcome as the contract says it. */
export function outcomeOf(row: StoredOutcome): Outcome {
  return {
    exampleId: row.example_id,
    prompt: row.prompt,
    answer: row.answer,
    prediction: row.prediction,
    value: row.value,
    correct: row.correct === null ? null : row.correct === 1,
    logLikelihood: row.log_likelihood,
    choices: row.choices === null ? null : (JSON.parse(row.choices) as Outcome['choices']),
    problem: row.problem,
  }
}
