import * as v from 'valibot'
import { problemSchema } from './problem-schema.ts'

/** queued -> running -> done | failed | stopping -> cancelled; a job found running at start is interrupted. */
export const jobStates = ['queued', 'running', 'stopping', 'done', 'failed', 'cancelled', 'interrupted'] as const
export type JobState = (typeof jobStates)[number]
/** Every kind of job the queue can run: merge adapters, export one for a tool, compare the deltas of a selection pair by pair, evaluate subjects on tasks; choose adapters, tune
 * coefficients, search them, train an adapter (control jobs are tune, train or control by what they are made of). */
export const jobKinds = ['merge', 'export', 'compare', 'evaluate', 'select', 'tune', 'search', 'train', 'control'] as const
export type JobKind = (typeof jobKinds)[number]

/** States in which a job may be run again. */
export const restartableStates: readonly JobState[] = ['failed', 'cancelled', 'interrupted']
/** States after which nothing more happens by itself. */
export const endedStates: readonly JobState[] = ['done', 'failed', 'cancelled', 'interrupted']

export const jobProgressSchema = v.object({
  /** Finalising (fsync, rename, import) is a stage of its own, so that a bar never stands at its end without a reason. */
  stage: v.string(),
  /** 0 to 1 within the stage. */
  fraction: v.number(),
  /** Work units per second, 0 when unknown. */
  rate: v.number(),
  unit: v.string(),
  etaSeconds: v.nullable(v.number()),
  /** More in words, where one number does not say it: "120 of 300 examples". */
  detail: v.optional(v.string()),
})
export type JobProgress = v.InferOutput<typeof jobProgressSchema>

export const jobSchema = v.object({
  id: v.string(),
  kind: v.picklist(jobKinds),
  title: v.string(),
  state: v.picklist(jobStates),
  createdAt: v.string(),
  startedAt: v.nullable(v.string()),
  endedAt: v.nullable(v.string()),
  progress: v.nullable(jobProgressSchema),
  /** The adapter made, once done. */
  resultAdapterId: v.nullable(v.string()),
  problems: v.array(problemSchema),
  fingerprint: v.nullable(v.string()),
})
export type Job = v.InferOutput<typeof jobSchema>

export const jobDetailSchema = v.object({
  ...jobSchema.entries,
  /** The recipe as YAML with every default filled in. */
  recipe: v.string(),
  /** The log on disk, last 500 lines. */
  log: v.array(v.string()),
  logPath: v.string(),
  /** App version, addon build, device and threads with which it ran. */
  provenance: v.record(v.string(), v.string()),
  result: v.nullable(v.unknown()),
})
export type JobDetail = v.InferOutput<typeof jobDetailSchema>
