import * as v from 'valibot'
import { metricIds } from './metrics.ts'
import { problemSchema } from './problem-schema.ts'
import { differenceSchema } from './run.ts'
import { budgets } from './task.ts'
import { controlIds } from './controls.ts'
import { arms } from './tuners.ts'

const seed = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))

/** What is searched of a merge method's parameter: bounds of a number, or values to choose from. */
export const searchedParamSchema = v.union([
  v.object({ low: v.number(), high: v.number() }),
  v.object({ values: v.pipe(v.array(v.union([v.number(), v.string(), v.boolean()])), v.minLength(1), v.maxLength(100)) }),
])
export type SearchedParam = v.InferOutput<typeof searchedParamSchema>

/** Everything that choosing, tuning, searching, training or a control is started with. Parameters are checked by the registry (contract/tuners.ts). */
export const adaptInputSchema = v.object({
  arm: v.picklist(arms),
  /** The control that it is; its fixed parameters win over `params`. */
  control: v.optional(v.nullable(v.picklist(controlIds)), null),
  baseId: v.string(),
  taskId: v.string(),
  /** So many labelled examples: null for all train and validation examples of the task. */
  budget: v.optional(v.nullable(v.picklist(budgets)), null),
  /** Adapters to choose from, in this order; empty for every adapter of the library that fits the base model, without what Adapt made for this task, by tuning or as a control. */
  pool: v.optional(v.pipe(v.array(v.string()), v.maxLength(20000)), []),
  /** One's own LoRA for this task: the query of similarities, the first of the merge, the subject of controls. */
  ownId: v.optional(v.nullable(v.string()), null),
  /** Training starts from this adapter (parameter startUse says what it gives). */
  startFrom: v.optional(v.nullable(v.string()), null),
  preset: v.optional(v.nullable(v.string()), null),
  /** Over the preset's values, which are over the defaults. */
  params: v.optional(v.record(v.string(), v.unknown()), {}),
  /** Searches: the merge method whose coefficients or parameters are searched. */
  method: v.optional(v.string(), 'concat'),
  /** Searches: parameters of that method with what may be tried; those not named keep their defaults. */
  searched: v.optional(v.record(v.string(), searchedParamSchema), {}),
  /** Searches: whether coefficients are searched too, where the method takes some. */
  searchCoefficients: v.optional(v.boolean(), true),
  seed: v.optional(seed, 1),
  /** Name of the adapter that is made; null for one from task, arm and preset. */
  name: v.optional(v.nullable(v.pipe(v.string(), v.trim(), v.maxLength(200))), null),
})
export type AdaptInput = v.InferOutput<typeof adaptInputSchema>
/** As a person or the window writes it. */
export type AdaptRequestInput = v.InferInput<typeof adaptInputSchema>

/** What it would do and need, before it starts; nothing is computed that takes long. */
export const adaptPlanSchema = v.object({
  /** One line in words: what will happen. */
  sentence: v.string(),
  trainExamples: v.number(),
  validationExamples: v.number(),
  /** Examples left out because they are longer than allowed. */
  skipped: v.number(),
  /** No validation examples: the training examples choose the step too, and it is marked on the result. */
  noValidation: v.boolean(),
  /** Adapters of the pool that can be used, and how many of them a selection must still run on the base model. */
  pool: v.number(),
  toScore: v.number(),
  unfit: v.array(v.object({ adapterId: v.string(), name: v.string(), reason: v.string() })),
  /** Numbers that are learned; null where that depends on the selection. */
  parameters: v.nullable(v.number()),
  /** Tokens through the model, forward and backward together counted once. */
  tokens: v.number(),
  etaSeconds: v.nullable(v.number()),
  needsBytes: v.nullable(v.number()),
  freeBytes: v.nullable(v.number()),
  device: v.string(),
  /** The parameters with every default filled in. */
  params: v.record(v.string(), v.union([v.number(), v.string(), v.boolean()])),
  problems: v.array(problemSchema),
})
export type AdaptPlan = v.InferOutput<typeof adaptPlanSchema>

/** A point of the curves. Training points have a loss before the step, validation points one after `step` steps. */
export const curvePointSchema = v.object({
  step: v.number(),
  trainLoss: v.nullable(v.number()),
  validationLoss: v.nullable(v.number()),
  rate: v.nullable(v.number()),
  gradientNorm: v.nullable(v.number()),
  seconds: v.number(),
  tokens: v.number(),
})
export type CurvePoint = v.InferOutput<typeof curvePointSchema>

/** One adapter of the pool as a selection saw it. */
export const selectedSchema = v.object({
  adapterId: v.string(),
  name: v.string(),
  /** The strategy's value; null where it gives none. */
  value: v.nullable(v.number()),
  /** Place among the chosen, from 0; null when it is not chosen. */
  place: v.nullable(v.number()),
  /** Why not, in words, for one that is left out for another reason than its value. */
  reason: v.nullable(v.string()),
})
export type Selected = v.InferOutput<typeof selectedSchema>

/** One candidate of a search. */
export const trialSchema = v.object({
  index: v.number(),
  generation: v.number(),
  /** What was tried: coefficients by name and parameters by id. */
  values: v.record(v.string(), v.union([v.number(), v.string(), v.boolean()])),
  /** On the examples it is judged on; null while it is open or when it could not be evaluated. */
  objective: v.nullable(v.number()),
  /** On the validation examples, where they are held out. */
  validation: v.nullable(v.number()),
  problem: v.nullable(v.string()),
  /** The adapter it was promoted to. */
  adapterId: v.nullable(v.string()),
})
export type Trial = v.InferOutput<typeof trialSchema>

/** A metric re-measured on labelled examples, with its interval. */
export const measuredSchema = v.object({
  what: v.picklist(['base', 'own', 'exact', 'result']),
  split: v.picklist(['train', 'validation']),
  metric: v.picklist(metricIds),
  n: v.number(),
  value: v.number(),
  low: v.number(),
  high: v.number(),
})
export type Measured = v.InferOutput<typeof measuredSchema>

/** What the result's coefficients are: rows are target modules, columns adapters. */
export const coefficientTableSchema = v.object({
  modules: v.array(v.string()),
  adapters: v.array(v.object({ id: v.nullable(v.string()), name: v.string() })),
  /** values[module][adapter]; null where the adapter lacks the module. Of rank units: the mean over the module's units. */
  values: v.array(v.array(v.nullable(v.number()))),
  /** Share of each adapter in the sum of the norms of the contributions, sum over modules of |c| ||dW||; null before it is known. */
  shares: v.nullable(v.array(v.number())),
})
export type CoefficientTable = v.InferOutput<typeof coefficientTableSchema>

/** One line of the list of what was adapted. */
export const adaptationSchema = v.object({
  jobId: v.string(),
  arm: v.picklist(arms),
  control: v.nullable(v.picklist(controlIds)),
  title: v.string(),
  /** Jobs that were started together: seeds of a control, settings of a sweep. */
  group: v.nullable(v.string()),
  baseId: v.string(),
  taskId: v.string(),
  budget: v.nullable(v.picklist(budgets)),
  preset: v.nullable(v.string()),
  seed: v.number(),
  params: v.record(v.string(), v.union([v.number(), v.string(), v.boolean()])),
  state: v.string(),
  createdAt: v.string(),
  adapterId: v.nullable(v.string()),
  /** Steps or trials done, of how many. */
  done: v.number(),
  total: v.number(),
  chosenStep: v.nullable(v.number()),
  startLoss: v.nullable(v.number()),
  chosenLoss: v.nullable(v.number()),
  noValidation: v.boolean(),
})
export type Adaptation = v.InferOutput<typeof adaptationSchema>

/** Everything about one, while it runs and afterwards. */
export const adaptationDetailSchema = v.object({
  ...adaptationSchema.entries,
  ownId: v.nullable(v.string()),
  method: v.nullable(v.string()),
  selection: v.array(selectedSchema),
  curve: v.array(curvePointSchema),
  /** Why the steps ended: done, asked, diverged, not-finite; null while they go on. */
  stopped: v.nullable(v.string()),
  /** In words, where that needs some: "diverged at step 40 with a loss of 31.2". */
  stoppedText: v.nullable(v.string()),
  trials: v.array(trialSchema),
  chosenTrial: v.nullable(v.number()),
  coefficients: v.nullable(coefficientTableSchema),
  /** The form in which the result was written. */
  form: v.nullable(
    v.object({
      rank: v.number(),
      /** Whether it is the exact sum. */
      exact: v.boolean(),
      /** Share of the squared norm that a cut kept; 1 for the exact sum. */
      keptEnergy: v.number(),
      measured: v.array(measuredSchema),
    }),
  ),
  /** Controls that must equal something: the difference that was found, and in how many of n answers. */
  check: v.nullable(v.object({ expected: v.string(), equal: v.number(), n: v.number(), difference: v.nullable(differenceSchema) })),
  trainExamples: v.number(),
  validationExamples: v.number(),
  skipped: v.number(),
  /** What was spent, pool scoring included. */
  cost: v.object({
    ...{ tokens: v.number(), seconds: v.number(), device: v.string(), examples: v.number(), scoredAdapters: v.number() },
    /** The part of tokens and seconds that choosing took; absent in results of earlier versions. */
    selection: v.optional(v.object({ tokens: v.number(), seconds: v.number() })),
  }),
  /** What it depends on: hashes, versions, example ids. */
  provenance: v.record(v.string(), v.string()),
  problems: v.array(problemSchema),
})
export type AdaptationDetail = v.InferOutput<typeof adaptationDetailSchema>
