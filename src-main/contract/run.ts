import * as v from 'valibot'
import { metricIds } from './metrics.ts'
import { problemSchema } from './problem-schema.ts'
import { budgets, splits } from './task.ts'

/** Splits that can be evaluated; the labelled examples of a budget are train and validation together. */
export const evaluatedSplits = [...splits, 'train+validation'] as const
export type EvaluatedSplit = (typeof evaluatedSplits)[number]

/** What is evaluated: the base model, it with one adapter, or it with a recipe that is not merged yet. */
export const subjectSchema = v.variant('kind', [
  v.object({ kind: v.literal('base') }),
  v.object({ kind: v.literal('adapter'), adapterId: v.string(), coefficient: v.optional(v.number(), 1) }),
  /** A recipe draft; checked where recipes are. Methods that only weight and join rank units are evaluated without merging, others are merged into a temporary adapter first. */
  v.object({ kind: v.literal('recipe'), name: v.string(), recipe: v.unknown() }),
])
export type Subject = v.InferOutput<typeof subjectSchema>

export const evaluateInputSchema = v.object({
  baseId: v.string(),
  subjects: v.pipe(v.array(subjectSchema), v.minLength(1), v.maxLength(20000)),
  tasks: v.pipe(
    v.array(
      v.object({
        taskId: v.string(),
        split: v.picklist(evaluatedSplits),
        /** Low-data variant: only so many of the labelled examples; null for all. */
        budget: v.optional(v.nullable(v.picklist(budgets)), null),
        /** At most so many examples, the first by id order of the split; null for all. */
        limit: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
        /** Another metric than the task's own; null for that one. */
        metric: v.optional(v.nullable(v.picklist(metricIds)), null),
      }),
    ),
    v.minLength(1),
    v.maxLength(1000),
  ),
  /** null: as the task says. */
  maxNewTokens: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))), null),
  /** Prompts of so many tokens or more are left out, and counted; null: what base model and answer allow. */
  maxPromptTokens: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
  /** evaluate: results wanted for themselves; score: a pool scored for selection. Only the title differs. */
  purpose: v.optional(v.picklist(['evaluate', 'score']), 'evaluate'),
})
export type EvaluateInput = v.InferOutput<typeof evaluateInputSchema>
/** As a person or the window writes it. */
export type EvaluateRequestInput = v.InferInput<typeof evaluateInputSchema>

/** Who was evaluated, as tables show it. `key` is the same for the same subject everywhere: "base", "adapter:<content hash>@<coefficient>", "recipe:<fingerprint>". */
export const runSubjectSchema = v.object({
  key: v.string(),
  kind: v.picklist(['base', 'adapter', 'recipe']),
  label: v.string(),
  adapterId: v.nullable(v.string()),
})
export type RunSubject = v.InferOutput<typeof runSubjectSchema>

/** One subject on one split of one task with one base model. Equal settings and hashes make the same run, which is never computed twice. */
export const runSchema = v.object({
  id: v.string(),
  subject: runSubjectSchema,
  baseId: v.string(),
  taskId: v.string(),
  split: v.picklist(evaluatedSplits),
  budget: v.nullable(v.picklist(budgets)),
  metric: v.picklist(metricIds),
  /** Examples that were answered, and those that the run is about. */
  done: v.number(),
  n: v.number(),
  /** Examples left out because their prompt is too long. */
  skipped: v.number(),
  /** Mean over the answered examples with a 95 % interval; null while none is. */
  value: v.nullable(v.number()),
  low: v.nullable(v.number()),
  high: v.nullable(v.number()),
  /** In words: "Wilson 95 %", "bootstrap 95 %, 10,000 resamples, seed 1". */
  intervalKind: v.string(),
  finishedAt: v.nullable(v.string()),
  /** Device, version, hashes and settings that it depends on. */
  provenance: v.record(v.string(), v.string()),
  problems: v.array(problemSchema),
})
export type Run = v.InferOutput<typeof runSchema>

/** One example's raw outcome. */
export const outcomeSchema = v.object({
  exampleId: v.string(),
  prompt: v.string(),
  /** The expected answer. */
  answer: v.string(),
  /** Generated text, or the label chosen; null for a loss. */
  prediction: v.nullable(v.string()),
  /** The metric's value for this example: 0 or 1 for proportions. */
  value: v.nullable(v.number()),
  correct: v.nullable(v.boolean()),
  /** Log-likelihood in nats: of the generated tokens, the chosen label, or the answer. */
  logLikelihood: v.nullable(v.number()),
  /** Log-likelihood of each label, for choices. */
  choices: v.nullable(v.array(v.object({ label: v.string(), logLikelihood: v.number(), tokens: v.number() }))),
  problem: v.nullable(v.string()),
})
export type Outcome = v.InferOutput<typeof outcomeSchema>

/** What an evaluation would do, before it starts. */
export const evaluatePlanSchema = v.object({
  runs: v.number(),
  /** Runs that are known already and not computed again. */
  known: v.number(),
  /** Examples still to be answered, over all runs. */
  examples: v.number(),
  promptTokens: v.number(),
  /** Examples left out for their length, over all tasks. */
  skipped: v.number(),
  /** Adapters that do not fit the base model, by id and with the reason. */
  unfit: v.array(v.object({ adapterId: v.string(), name: v.string(), reason: v.string() })),
  needsBytes: v.nullable(v.number()),
  freeBytes: v.nullable(v.number()),
  /** From the rate of earlier jobs with this base model on this device; null before the first. */
  etaSeconds: v.nullable(v.number()),
  device: v.string(),
  problems: v.array(problemSchema),
})
export type EvaluatePlan = v.InferOutput<typeof evaluatePlanSchema>

/** Difference to the baseline on the same examples: mean of the paired differences with a 95 % bootstrap interval. */
export const differenceSchema = v.object({ value: v.number(), low: v.number(), high: v.number(), n: v.number() })
export type Difference = v.InferOutput<typeof differenceSchema>

/** Results as a table: rows are subjects, columns are tasks. */
export const resultsSchema = v.object({
  columns: v.array(
    v.object({
      taskId: v.string(),
      title: v.string(),
      split: v.picklist(evaluatedSplits),
      budget: v.nullable(v.picklist(budgets)),
      metric: v.picklist(metricIds),
    }),
  ),
  rows: v.array(
    v.object({
      subject: runSubjectSchema,
      /** One per column; null where there is no run. */
      cells: v.array(v.nullable(v.object({ run: runSchema, difference: v.nullable(differenceSchema) }))),
      /** Mean over the columns, where every one has a value and all metrics go the same way. */
      mean: v.nullable(v.number()),
    }),
  ),
  /** Key of the subject that differences are to. */
  baseline: v.nullable(v.string()),
})
export type Results = v.InferOutput<typeof resultsSchema>

/** One prompt answered, to try an adapter. */
export const generationSchema = v.object({
  text: v.string(),
  prompt: v.string(),
  promptTokens: v.number(),
  newTokens: v.number(),
  ended: v.boolean(),
  seconds: v.number(),
  problems: v.array(problemSchema),
})
export type Generation = v.InferOutput<typeof generationSchema>
