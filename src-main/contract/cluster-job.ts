import * as v from 'valibot'
import { metricIds } from './metrics.ts'
import { armSchema, planFileSchema } from './plan.ts'

/** SHA-256 in hexadecimal digits. */
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal digits'))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const number = v.pipe(v.number(), v.integer(), v.minValue(1))
const budget = v.nullable(v.union([v.number(), v.literal('all')]))
/** Absolute, or relative to the shared folder where the content was copied into it. */
const path = v.pipe(v.string(), v.minLength(1))

/** A base model or an adapter by its content: what lies at `path` must have this hash. */
const contentSchema = v.strictObject({ name: v.string(), path, contentHash: hash })
export type ClusterContent = v.InferOutput<typeof contentSchema>

/** Fields that a cell has in its job file and in the list of the shared folder. */
const cell = {
  /** From 1, in the order of the plan; names the files of the job. */
  number,
  /** "sentiment/100/1/own" (plans/expand-plan.ts). */
  cell: v.string(),
  /** SHA-256 of all that the job's result depends on but device, build and app version. */
  fingerprint: hash,
}

/**
 * One cell of a plan as a file: everything that another machine needs to run it. Nothing of the library it came from is in it; ids are names and hashes.
 */
export const clusterJobSchema = v.strictObject({
  format: v.literal('amalgam-plan-job'),
  version: v.literal(1),
  ...cell,
  plan: v.strictObject({ title: v.string(), fingerprint: hash }),
  arm: armSchema,
  /** The arm that trains the own LoRA, where this one takes it. */
  own: v.nullable(armSchema),
  task: v.strictObject({
    /** The name in the plan. */
    name: v.string(),
    id: v.string(),
    path,
    hash,
  }),
  budget,
  seed: v.nullable(count),
  testLimit: v.nullable(number),
  base: contentSchema,
  pool: v.array(contentSchema),
  /** The job whose adapter this one takes. */
  needs: v.nullable(v.strictObject(cell)),
})
export type ClusterJob = v.InferOutput<typeof clusterJobSchema>

/** The list in a shared folder: the plan, its cells, and what results need to be read where task and base model are not. */
export const clusterPlanSchema = v.strictObject({
  format: v.literal('amalgam-shared-plan'),
  version: v.literal(1),
  /** SHA-256 of the plan and the fingerprints of its jobs. */
  fingerprint: hash,
  appVersion: v.string(),
  file: planFileSchema,
  base: v.strictObject({ name: v.string(), contentHash: hash }),
  /** Content hashes of the pool, in its order. */
  pool: v.array(hash),
  tasks: v.array(
    v.strictObject({
      name: v.string(),
      id: v.string(),
      hash,
      metric: v.picklist(metricIds),
      /** Path of its test examples in the shared folder. */
      examples: path,
    }),
  ),
  cells: v.array(
    v.strictObject({
      ...cell,
      arm: v.string(),
      task: v.string(),
      budget,
      seed: v.nullable(count),
      needs: v.array(v.string()),
      /** 0 for a cell that needs nothing, 1 for one that needs another's adapter. */
      stage: v.picklist([0, 1]),
    }),
  ),
})
export type ClusterPlan = v.InferOutput<typeof clusterPlanSchema>
export type ClusterCell = ClusterPlan['cells'][number]
