import * as v from 'valibot'
import { controlIds } from './controls.ts'
import { budgets } from './task.ts'

/** Difference of shares below which an effect does not matter (CONTRACT.md, "Verdict"). */
export const defaultMargin = 0.02

/**
 * What an arm is in the verdict (recycling-loras.md 6.2): the base model, one's own LoRA, the merge tuned without and with it, the same with random
 * parameters, and one's own LoRA with only its coefficients tuned again. Other arms are shown beside these and take no part.
 */
export const armRoles = ['base', 'own', 'merged', 'mergedWithOwn', 'random', 'randomWithOwn', 'retuned'] as const
export type ArmRole = (typeof armRoles)[number]

const slug = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,59}$/, 'small letters, digits, - and _, at most 60'))
const shared = {
  /** Unique in the plan; names the arm in files and charts. */
  id: slug,
  /** As people read it; the id when absent. */
  label: v.optional(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100))),
  role: v.optional(v.nullable(v.picklist(armRoles)), null),
}
/** Over the preset's values, which are over the defaults; checked by the registry (contract/tuners.ts). */
const params = v.optional(v.record(v.string(), v.union([v.number(), v.string(), v.boolean()])), {})
const preset = v.optional(v.nullable(v.string()), null)
/** Whether the plan's own LoRA (the arm whose role is "own") takes part. */
const withOwn = v.optional(v.boolean(), false)

/** One contender. What each kind does is what Adapt and Evaluate do. */
export const armSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('base'), ...shared }),
  /** The adapter of the pool that does best on the training examples, as it is. */
  v.strictObject({ kind: v.literal('best_single'), ...shared }),
  /** A merge without tuning: the chosen adapters at the same coefficient through a merge method. */
  v.strictObject({
    kind: v.literal('merge'),
    ...shared,
    method: v.string(),
    selection: params,
    params,
    coefficient: v.optional(v.number(), 1),
    withOwn,
  }),
  v.strictObject({ kind: v.literal('tune'), ...shared, preset, params, withOwn }),
  v.strictObject({ kind: v.literal('search'), ...shared, preset, method: v.optional(v.nullable(v.string()), null), params, withOwn }),
  v.strictObject({ kind: v.literal('train'), ...shared, preset, params }),
  v.strictObject({ kind: v.literal('control'), ...shared, control: v.picklist(controlIds), preset, params }),
])
export type Arm = v.InferOutput<typeof armSchema>

const seed = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))

/** Tasks x arms x seeds x budgets, as a file (YAML or JSON) and as a form. Names are ids or unique names; nothing of one library is in it. */
export const planFileSchema = v.strictObject({
  version: v.literal(1),
  title: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)),
  /** The preset that it came from. */
  preset: v.optional(v.nullable(v.string()), null),
  base: v.pipe(v.string(), v.minLength(1)),
  /** Empty for every adapter that fits the base model. */
  pool: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), []),
  tasks: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1), v.maxLength(1000)),
  /** Labelled examples; null for all of the task. */
  budgets: v.optional(v.pipe(v.array(v.nullable(v.picklist(budgets))), v.minLength(1), v.maxLength(4)), [100]),
  seeds: v.optional(v.pipe(v.array(seed), v.minLength(1), v.maxLength(100)), [1]),
  arms: v.pipe(v.array(armSchema), v.minLength(1), v.maxLength(60)),
  /** Difference below which an effect does not matter, as a share. */
  margin: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), defaultMargin),
  /** At most so many test examples of each task; null for all. */
  testLimit: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
})
export type PlanFile = v.InferOutput<typeof planFileSchema>
/** As a person writes it. */
export type PlanFileInput = v.InferInput<typeof planFileSchema>
