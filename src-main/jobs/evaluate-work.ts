import * as v from 'valibot'
import { metricIds } from '../contract/metrics.ts'
import { evaluatedSplits, runSubjectSchema } from '../contract/run.ts'
import { budgets } from '../contract/task.ts'
import type { NewRun } from '../library/run-types.ts'

/** One example as its outcome is put down. */
const workItemSchema = v.object({
  exampleId: v.string(),
  prompt: v.string(),
  expected: v.string(),
  promptTokens: v.number(),
  /** Labels and the tokens of each, for choices. */
  choices: v.nullable(v.array(v.object({ label: v.string(), tokens: v.number() }))),
})
export type WorkItem = v.InferOutput<typeof workItemSchema>

const workTaskSchema = v.object({
  taskId: v.string(),
  taskHash: v.string(),
  split: v.picklist(evaluatedSplits),
  budget: v.nullable(v.picklist(budgets)),
  metric: v.picklist(metricIds),
  skipped: v.number(),
  provenance: v.record(v.string(), v.string()),
  /** Every example that is asked; its place is its position in the runs. */
  items: v.array(workItemSchema),
})
export type WorkTask = v.InferOutput<typeof workTaskSchema>

/**
 * What turns a line of the journal into an outcome of a run. It lies beside the journal, so that another process can do so after a crash: subjects
 * are numbered as in the native request, items by task and place.
 */
export const workSchema = v.object({
  schema: v.literal(1),
  baseId: v.string(),
  /** Where the tokenizer lies. */
  baseFolder: v.string(),
  baseHash: v.string(),
  tasks: v.array(workTaskSchema),
  subjects: v.array(v.object({ subject: runSubjectSchema, keys: v.array(v.string()) })),
  /** Task and place of each item of the native request. */
  items: v.array(v.tuple([v.number(), v.number()])),
})
export type Work = v.InferOutput<typeof workSchema>

/** The run of a subject on a task of the work. */
export function runOf(work: Work, subject: number, task: number): NewRun {
  const { subject: who, keys } = work.subjects[subject]!
  const { items, provenance, taskId, taskHash, split, budget, metric, skipped } = work.tasks[task]!
  return {
    ...{ taskId, taskHash, split, budget, metric, skipped },
    key: keys[task]!,
    baseId: work.baseId,
    subject: who,
    exampleIds: items.map(({ exampleId }) => exampleId),
    provenance: { ...provenance, subject: who.key },
  }
}
