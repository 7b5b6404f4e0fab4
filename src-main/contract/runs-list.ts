import * as v from 'valibot'

/** What the section Runs lists: comparisons of a plan, evaluations of one subject on one task, and what Adapt did. */
export const runKinds = ['plan', 'evaluation', 'adaptation'] as const

export const runsQuerySchema = v.object({
  kinds: v.optional(v.array(v.picklist(runKinds)), [...runKinds]),
  /** Words that all must occur in title, task, base model, subject or state. */
  text: v.optional(v.pipe(v.string(), v.maxLength(500)), ''),
  taskId: v.optional(v.nullable(v.string()), null),
  baseId: v.optional(v.nullable(v.string()), null),
  /** Only those archived, or only those that are not. */
  archived: v.optional(v.boolean(), false),
  sort: v.optional(v.picklist(['newest', 'oldest', 'title', 'value']), 'newest'),
  offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)),
})
export type RunsQuery = v.InferOutput<typeof runsQuerySchema>

/** One line of the list. `id` is the plan's, the run's or the job's; unique together with `kind`. */
export const runRowSchema = v.object({
  kind: v.picklist(runKinds),
  id: v.string(),
  title: v.string(),
  task: v.nullable(v.string()),
  base: v.nullable(v.string()),
  state: v.string(),
  /** Mean with its interval for an evaluation; null elsewhere. */
  value: v.nullable(v.number()),
  low: v.nullable(v.number()),
  high: v.nullable(v.number()),
  n: v.nullable(v.number()),
  metric: v.nullable(v.string()),
  at: v.string(),
  archived: v.boolean(),
  /** The one that others are compared with. */
  pinned: v.boolean(),
})
export type RunRow = v.InferOutput<typeof runRowSchema>

export const runRefSchema = v.object({ kind: v.picklist(runKinds), id: v.string() })
export type RunRef = v.InferOutput<typeof runRefSchema>

/** Settings and results of several runs side by side; the renderer shows only rows that differ unless asked for all. */
export const runsComparisonSchema = v.object({
  runs: v.array(runRowSchema),
  rows: v.array(
    v.object({
      group: v.string(),
      name: v.string(),
      /** One per run; null where it has none. */
      values: v.array(v.nullable(v.string())),
      differs: v.boolean(),
    }),
  ),
  /** The evaluation that differences are to: the pinned one, which need not be among `runs`, or else the first of them; null where there is none. */
  reference: v.nullable(runRowSchema),
  /** Paired difference of each evaluation to the reference, over the examples that both answered; null for other runs and for the reference itself. */
  differences: v.array(v.nullable(v.object({ value: v.number(), low: v.number(), high: v.number(), n: v.number() }))),
})
export type RunsComparison = v.InferOutput<typeof runsComparisonSchema>
