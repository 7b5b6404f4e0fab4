import * as v from 'valibot'
import { metricIds } from './metrics.ts'
import { problemSchema } from './problem-schema.ts'

export const splits = ['train', 'validation', 'test'] as const
export type Split = (typeof splits)[number]

/** short: a label or a few words; choice: one of the labels, by log-likelihood; long: free text. */
export const answerKinds = ['short', 'choice', 'long'] as const

/** New tokens when the task does not say how many (recycling-loras.md 1.7). */
export const defaultNewTokens: Readonly<Record<(typeof answerKinds)[number], number>> = { short: 30, choice: 30, long: 500 }

/** Low-data variants: how many of the labelled examples are for training and how many for validation (CONTRACT.md, "Task file"). */
export const budgets = [10, 30, 100] as const
export const budgetSplits: Readonly<Record<(typeof budgets)[number], { readonly train: number; readonly validation: number }>> = {
  10: { train: 10, validation: 0 },
  30: { train: 24, validation: 6 },
  100: { train: 80, validation: 20 },
}

const slug = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/))

/** `<id>.task.json`; beside it lie `<id>.<split>.jsonl`. Fields that a smaller file leaves out are filled in, and it is said. */
export const taskFileSchema = v.object({
  id: slug,
  version: v.number(),
  title: v.string(),
  /** The system message. */
  instruction: v.string(),
  /** Fields of a row that make the user message; several are written as "name - value", one per line. */
  inputs: v.pipe(v.array(v.string()), v.minLength(1)),
  /** Field of a row that holds the expected answer. */
  target: v.string(),
  answer: v.picklist(answerKinds),
  labels: v.optional(v.array(v.string())),
  metric: v.picklist(metricIds),
  maxNewTokens: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
  split: v.object({ seed: v.number() }),
  /** Where the examples came from, in words. */
  source: v.optional(v.string()),
})
export type TaskFile = v.InferOutput<typeof taskFileSchema>

/** One example: `id` is the row's own, or a hash of its content, so that the same row has the same id everywhere. */
export const exampleSchema = v.object({
  id: v.string(),
  inputs: v.record(v.string(), v.string()),
  answer: v.string(),
})
export type Example = v.InferOutput<typeof exampleSchema>

const counts = v.object({ train: v.number(), validation: v.number(), test: v.number() })

/** What the list of tasks shows. */
export const taskSchema = v.object({
  ...taskFileSchema.entries,
  counts,
  /** SHA-256 over the task file and its examples. */
  hash: v.string(),
  /** Rows that occur more than once within a split. */
  duplicates: v.number(),
  /** Rows of one split that occur in another one: a test that was seen in training. */
  leaks: v.number(),
  addedAt: v.string(),
  problems: v.array(problemSchema),
})
export type Task = v.InferOutput<typeof taskSchema>

/** How a file of examples becomes a task. */
export const taskMappingSchema = v.object({
  path: v.string(),
  id: slug,
  title: v.pipe(v.string(), v.maxLength(200)),
  /** The system message where no field gives it. */
  instruction: v.pipe(v.string(), v.maxLength(20000)),
  /** Field whose text is the system message; it must be the same in all rows. null: `instruction`. */
  systemField: v.nullable(v.string()),
  inputs: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(20)),
  target: v.string(),
  answer: v.picklist(answerKinds),
  metric: v.picklist(metricIds),
  maxNewTokens: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))),
  /** Rewrites of labels, "Positive" to "positive"; only for short and choice. */
  labelNames: v.optional(v.record(v.string(), v.string()), {}),
  /** How the rows are dealt out; rows with the same content always stay together. test null: the rest. */
  split: v.object({
    seed: v.pipe(v.number(), v.integer(), v.minValue(0)),
    train: v.pipe(v.number(), v.integer(), v.minValue(0)),
    validation: v.pipe(v.number(), v.integer(), v.minValue(0)),
    test: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))),
    /** Field that names the row's split already ("train", "validation" or "dev", "test"); null to deal out by seed. */
    field: v.nullable(v.string()),
  }),
})
export type TaskMapping = v.InferOutput<typeof taskMappingSchema>

/** Forms of files that examples come in; alpaca: instruction, input, output; chat: a list of messages with roles. */
export const sourceFormats = ['jsonl', 'json', 'csv', 'alpaca', 'chat'] as const

/** What a file of examples holds, and a mapping that suggests itself. */
export const taskSourceSchema = v.object({
  path: v.string(),
  format: v.picklist(sourceFormats),
  rows: v.number(),
  fields: v.array(v.object({ name: v.string(), filled: v.number(), distinct: v.number(), sample: v.string() })),
  /** The first rows as text by field. */
  sample: v.array(v.record(v.string(), v.string())),
  suggested: v.nullable(taskMappingSchema),
  problems: v.array(problemSchema),
})
export type TaskSource = v.InferOutput<typeof taskSourceSchema>

/** A prompt as the model gets it, token by token. */
export const renderedPromptSchema = v.object({
  exampleId: v.string(),
  /** The whole text: prompt, answer and what ends it. */
  text: v.string(),
  /** Tokens of prompt and answer; `counts` is true for those whose likelihood counts (the answer's and its end). */
  tokens: v.array(v.object({ id: v.number(), text: v.string(), counts: v.boolean() })),
  promptTokens: v.number(),
  answerTokens: v.number(),
  /** own: by the base model's chat template; plain: without one. */
  template: v.picklist(['own', 'plain']),
  /** True where the prompt is longer than the base model or the limit allows: such examples are left out and counted. */
  tooLong: v.boolean(),
})
export type RenderedPrompt = v.InferOutput<typeof renderedPromptSchema>

/** What an import would make. */
export const taskImportPreviewSchema = v.object({
  counts,
  duplicates: v.number(),
  leaks: v.number(),
  /** Each label as found, how often, and what it becomes. */
  labels: v.array(v.object({ found: v.string(), count: v.number(), becomes: v.string() })),
  /** The first examples, rendered; empty without a base model. */
  prompts: v.array(renderedPromptSchema),
  examples: v.array(exampleSchema),
  problems: v.array(problemSchema),
})
export type TaskImportPreview = v.InferOutput<typeof taskImportPreviewSchema>
