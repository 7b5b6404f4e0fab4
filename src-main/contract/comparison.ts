import * as v from 'valibot'
import { armRoles, defaultMargin } from './plan.ts'

/** A value with the ends of its 95 % interval. */
export const intervalSchema = v.object({ value: v.number(), low: v.number(), high: v.number() })

/** How a paired difference reads: its interval leaves out 0, or holds 0 and the margin (nothing can be said), or holds 0 and ends below the margin. */
export const readings = ['above', 'below', 'undecided', 'nothing'] as const

/** How the interval of a difference reads against 0 and the margin. */
export function readDifference(
  { low, high }: { readonly low: number; readonly high: number },
  margin: number = defaultMargin,
): (typeof readings)[number] {
  if (low > 0) return 'above'
  if (high < 0) return 'below'
  return high >= margin ? 'undecided' : 'nothing'
}

/** A difference that the verdict stands on. */
export const evidenceSchema = v.object({
  arm: v.picklist(armRoles),
  to: v.picklist(armRoles),
  difference: intervalSchema,
  reading: v.picklist(readings),
})

/** Every outcome of the six rules (recycling-loras.md 6.2). */
export const verdictOutcomes = [
  'harmful',
  'train',
  'rescaling',
  'random-as-well',
  'recycling-helps',
  'tuning-only',
  'content-helps',
  'undecided',
  'incomplete',
] as const

/**
 * What the evidence supports. `rule` is the number in recycling-loras.md 6.2, null where an arm is missing or the test examples do not suffice;
 * "harmful" names the merges that are below the base model.
 */
export const verdictSchema = v.object({
  outcome: v.picklist(verdictOutcomes),
  rule: v.nullable(v.picklist([1, 2, 3, 4, 5, 6])),
  /** The difference that decided, or that could not be decided; null where an arm is missing. */
  decisive: v.nullable(evidenceSchema),
  /** Merges that are clearly below the base model. */
  harmful: v.array(v.picklist(armRoles)),
  /** Arms without which the verdict cannot be given. */
  missing: v.array(v.picklist(armRoles)),
  evidence: v.array(evidenceSchema),
})

/** A verdict in words, on one task or (task null) over all of them. */
export const spokenVerdictSchema = v.object({
  task: v.nullable(v.string()),
  verdict: verdictSchema,
  /** The sentence: "Train your own LoRA; recycling brought nothing measurable here." */
  headline: v.string(),
  /** The measured arms in one line: "Base 46.7. Your own LoRA on the same 100 examples 65.7. ..." */
  statement: v.string(),
  /** How strong it is, in words, with n and the decisive difference. */
  strength: v.string(),
  /** What would decide it, where it is not decided: arms to add, or how many test examples, tasks or seeds; null elsewhere. */
  toDecide: v.nullable(v.string()),
})
export type SpokenVerdict = v.InferOutput<typeof spokenVerdictSchema>

/** Value of an arm on a task, or (task null) the mean over the tasks that all arms have. */
export const estimateSchema = v.object({
  arm: v.string(),
  task: v.nullable(v.string()),
  interval: intervalSchema,
  examples: v.number(),
  seeds: v.number(),
})
export type Estimate = v.InferOutput<typeof estimateSchema>

/** Paired difference of an arm to another, on a task or (task null) over all common ones. */
export const comparisonSchema = v.object({
  arm: v.string(),
  to: v.string(),
  task: v.nullable(v.string()),
  interval: intervalSchema,
  /** Exact McNemar where both have one seed and values are 0 and 1; null elsewhere. */
  pValue: v.nullable(v.number()),
  /** The same after Holm over all arms compared with `to` on this task. */
  adjusted: v.nullable(v.number()),
  /** Smallest difference that so many examples can show with a probability of 80 %, from the share on which the two disagree. */
  detectable: v.number(),
})
export type Comparison = v.InferOutput<typeof comparisonSchema>

/** Over tasks: how often the interval of the difference lies above 0, holds it, or lies below. */
export const tallySchema = v.object({ arm: v.string(), to: v.string(), wins: v.number(), ties: v.number(), losses: v.number() })
export type Tally = v.InferOutput<typeof tallySchema>

/** One step of the stairs from the base model to the best, in the order of the study's table. */
export const stairSchema = v.object({
  arm: v.string(),
  value: v.number(),
  /** The arm of the step before; null for the first. */
  from: v.nullable(v.string()),
  /** What the step adds: the paired difference to the step before. */
  added: v.nullable(intervalSchema),
})

/** A value against something that was varied: adapters left out (skip), K, or labelled examples. */
export const sweptCurveSchema = v.object({
  id: v.picklist(['skip', 'k', 'budget']),
  /** "Best adapters left out", "K, adapters merged", "Labelled examples". */
  axis: v.string(),
  /** null for the curve over budgets. */
  budget: v.nullable(v.union([v.number(), v.literal('all')])),
  series: v.array(
    v.object({
      label: v.string(),
      points: v.array(v.object({ x: v.number(), arm: v.string(), interval: intervalSchema, examples: v.number() })),
    }),
  ),
})
export type SweptCurve = v.InferOutput<typeof sweptCurveSchema>

/** What an arm cost over all its cells of a budget, against what it gained on the base model. */
export const costGainSchema = v.object({
  arm: v.string(),
  /** As if it had been run alone: pool scoring and its own LoRA included. */
  tokens: v.number(),
  seconds: v.number(),
  gain: intervalSchema,
})

/** Everything that is said about the arms at one budget. */
export const budgetComparisonSchema = v.object({
  budget: v.union([v.number(), v.literal('all')]),
  /** Arm that differences are to. */
  baseline: v.string(),
  estimates: v.array(estimateSchema),
  comparisons: v.array(comparisonSchema),
  tallies: v.array(tallySchema),
  verdicts: v.array(spokenVerdictSchema),
  stairs: v.array(v.object({ task: v.nullable(v.string()), steps: v.array(stairSchema) })),
  costGain: v.array(costGainSchema),
})
export type BudgetComparison = v.InferOutput<typeof budgetComparisonSchema>

/** How often two arms are right on the same examples of one task, budget and seed. */
export const agreementSchema = v.object({
  arms: v.array(v.string()),
  n: v.number(),
  /** right[a]: examples that the arm gets right; both[a][b]: that both do; onlyRow[a][b]: that a does and b does not. */
  right: v.array(v.number()),
  both: v.array(v.array(v.number())),
  onlyRow: v.array(v.array(v.number())),
})
export type Agreement = v.InferOutput<typeof agreementSchema>

/** Averages of the study over 62 tasks with Llama 3.1 8B and 100 examples (recycling-loras.md 5.1, 5.2); it did not measure the re-tuned own LoRA. */
export const paperReference: Readonly<Record<(typeof armRoles)[number], number | null>> = {
  base: 0.467,
  own: 0.657,
  merged: 0.652,
  mergedWithOwn: 0.675,
  random: 0.609,
  randomWithOwn: 0.672,
  retuned: null,
}
