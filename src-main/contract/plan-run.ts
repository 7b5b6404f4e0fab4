import * as v from 'valibot'
import { coefficientTableSchema, curvePointSchema, selectedSchema } from './adapt.ts'
import { budgetComparisonSchema, intervalSchema, sweptCurveSchema } from './comparison.ts'
import { metricIds } from './metrics.ts'
import { planFileSchema } from './plan.ts'
import { problemSchema } from './problem-schema.ts'

const budget = v.union([v.number(), v.literal('all')])

/** What one cell took. "Alone" is what it would take without anything to share: the sum of the four parts. */
export const cellCostSchema = v.object({
  /** Scoring the pool on the labelled examples, whether it was done for this cell or was known. */
  selection: v.object({ tokens: v.number(), seconds: v.number(), adapters: v.number() }),
  /** Training the own LoRA that it needs. */
  own: v.object({ tokens: v.number(), seconds: v.number() }),
  learning: v.object({ tokens: v.number(), seconds: v.number() }),
  /** Answering the test examples. */
  test: v.object({ tokens: v.number(), seconds: v.number() }),
  /** What was really spent when this cell was run: shared work counts for the first that needed it. */
  spent: v.object({ tokens: v.number(), seconds: v.number() }),
  device: v.string(),
  /** Labelled examples that were seen. */
  examples: v.number(),
})
export type CellCost = v.InferOutput<typeof cellCostSchema>

/**
 * Everything that one cell gave, independent of any library: what a cluster job writes, what a bundle holds, what the library keeps.
 * Weights are not in it.
 */
export const cellResultSchema = v.object({
  version: v.literal(1),
  /** "sentiment/100/1/own" (plans/expand-plan.ts). */
  cell: v.string(),
  /** SHA-256 of all that the result depends on: base model, task, pool, arm, parameters, seed, budget, own LoRA. The same cell again is known by it. */
  fingerprint: v.string(),
  appVersion: v.string(),
  finishedAt: v.string(),
  adapter: v.nullable(v.object({ name: v.string(), contentHash: v.string(), tensorHash: v.string(), path: v.nullable(v.string()) })),
  metric: v.picklist(metricIds),
  /** Test examples in the order of `values`; a value is the metric's for that example, and larger is better after the metric's direction. */
  exampleIds: v.array(v.string()),
  values: v.array(v.number()),
  predictions: v.array(v.nullable(v.string())),
  cost: cellCostSchema,
  /** Adapters as the selection saw them, coefficients, curve: for looking inside when the library no longer knows the job. */
  selection: v.array(selectedSchema),
  coefficients: v.nullable(coefficientTableSchema),
  curve: v.array(curvePointSchema),
  chosenStep: v.nullable(v.number()),
  noValidation: v.boolean(),
  provenance: v.record(v.string(), v.string()),
  problems: v.array(problemSchema),
})
export type CellResult = v.InferOutput<typeof cellResultSchema>

/** One task of a plan as its results need it: titles and test examples, so that they can be read where the task is not. */
export const planTaskSchema = v.object({
  /** The name in the plan's file. */
  task: v.string(),
  title: v.string(),
  metric: v.picklist(metricIds),
  direction: v.picklist(['higher', 'lower']),
  hash: v.string(),
  examples: v.array(v.object({ id: v.string(), prompt: v.string(), answer: v.string() })),
})
export type PlanTask = v.InferOutput<typeof planTaskSchema>

/** waiting -> running -> done | failed; left: not run because what it needs failed. */
export const cellStates = ['waiting', 'running', 'done', 'failed', 'left'] as const

/** One job of a plan as lists show it; its outcomes are asked for. */
export const planCellSchema = v.object({
  id: v.string(),
  arm: v.string(),
  task: v.string(),
  budget: v.nullable(budget),
  seed: v.nullable(v.number()),
  needs: v.array(v.string()),
  state: v.picklist(cellStates),
  /** The job that makes or made its adapter in this library. */
  jobId: v.nullable(v.string()),
  adapterId: v.nullable(v.string()),
  adapterName: v.nullable(v.string()),
  /** Mean over its test examples; null while it is open. */
  value: v.nullable(v.number()),
  n: v.number(),
  cost: v.nullable(cellCostSchema),
  appVersion: v.nullable(v.string()),
  problems: v.array(problemSchema),
})
export type PlanCell = v.InferOutput<typeof planCellSchema>

/** running -> done | partial (some cells failed) | stopping -> cancelled; interrupted: its process ended; imported: read from a bundle or not begun here. */
export const planStates = ['running', 'stopping', 'done', 'partial', 'cancelled', 'interrupted', 'imported'] as const
export type PlanState = (typeof planStates)[number]

/** One line of the list of plans. */
export const planSummarySchema = v.object({
  id: v.string(),
  title: v.string(),
  preset: v.nullable(v.string()),
  state: v.picklist(planStates),
  createdAt: v.string(),
  endedAt: v.nullable(v.string()),
  archived: v.boolean(),
  baseName: v.string(),
  tasks: v.array(v.string()),
  /** Cells that are done, failed, and all. */
  done: v.number(),
  failed: v.number(),
  total: v.number(),
  /** The verdict over all tasks (or the one), at the largest budget; null before there is one. */
  headline: v.nullable(v.string()),
})
export type PlanSummary = v.InferOutput<typeof planSummarySchema>

/** Which adapters mattered: the merge of a cell again without each of them, coefficients of the others as they were. */
export const ablationSchema = v.object({
  cell: v.string(),
  state: v.picklist(['running', 'done', 'failed']),
  jobId: v.nullable(v.string()),
  n: v.number(),
  full: v.nullable(v.number()),
  /** `difference`: without it minus the full merge, paired over the test examples; below 0 the adapter helps. */
  rows: v.array(v.object({ adapterId: v.nullable(v.string()), name: v.string(), value: v.number(), difference: intervalSchema })),
  problems: v.array(problemSchema),
})
export type Ablation = v.InferOutput<typeof ablationSchema>

/** A plan with everything that is known of it. */
export const planDetailSchema = v.object({
  ...planSummarySchema.entries,
  file: planFileSchema,
  startedAt: v.nullable(v.string()),
  /** Arm that the person pinned as the one to compare with; null for the base model's. */
  baseline: v.nullable(v.string()),
  tasksInfo: v.array(
    v.object({
      task: v.string(),
      title: v.string(),
      metric: v.picklist(metricIds),
      n: v.number(),
      /** Difference that so many test examples can show with a probability of 80 %, when two arms disagree on a fifth of them. */
      detectable: v.nullable(v.number()),
    }),
  ),
  cells: v.array(planCellSchema),
  /** The cell in work, and how far it is. */
  progress: v.nullable(
    v.object({ cell: v.nullable(v.string()), stage: v.string(), fraction: v.number(), etaSeconds: v.nullable(v.number()) }),
  ),
  comparisons: v.array(budgetComparisonSchema),
  curves: v.array(sweptCurveSchema),
  ablations: v.array(ablationSchema),
  /** Summed over an arm's cells of a budget. */
  costs: v.array(v.object({ arm: v.string(), budget: v.nullable(budget), cost: cellCostSchema })),
  /** Base model, pool and task hashes, versions, seeds, device. */
  provenance: v.record(v.string(), v.string()),
  /** Where it was read from, when it was not run here. */
  importedFrom: v.nullable(v.object({ appVersion: v.string(), at: v.string() })),
  problems: v.array(problemSchema),
})
export type PlanDetail = v.InferOutput<typeof planDetailSchema>

/** What a plan would do, before it starts. */
export const planCheckSchema = v.object({
  /** As it is read, with defaults; null when a problem blocks. */
  plan: v.nullable(planFileSchema),
  /** The same as text for a file. */
  yaml: v.string(),
  cells: v.array(v.object({ id: v.string(), arm: v.string(), needs: v.array(v.string()) })),
  tasks: v.array(v.object({ task: v.string(), title: v.string(), test: v.number(), detectable: v.nullable(v.number()) })),
  /** Adapters of the pool that fit the base model. */
  pool: v.number(),
  /** From the rate of earlier jobs on this device; null before the first. */
  etaSeconds: v.nullable(v.number()),
  device: v.string(),
  problems: v.array(problemSchema),
})
export type PlanCheck = v.InferOutput<typeof planCheckSchema>

/** A test example with what arms answered. */
export const planOutcomeSchema = v.object({
  exampleId: v.string(),
  prompt: v.string(),
  answer: v.string(),
  byArm: v.array(v.object({ arm: v.string(), prediction: v.nullable(v.string()), value: v.number() })),
})
export type PlanOutcome = v.InferOutput<typeof planOutcomeSchema>

/** Formats of a report. */
export const reportFormats = ['html', 'markdown', 'csv', 'latex'] as const
export type ReportFormat = (typeof reportFormats)[number]
