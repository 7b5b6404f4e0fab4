import * as v from 'valibot'
import { ablationSchema, cellResultSchema, planTaskSchema } from '../contract/plan-run.ts'
import { planFileSchema } from '../contract/plan.ts'
import { problemSchema } from '../contract/problem-schema.ts'

/**
 * A bundle is a plan with its results as one zip file, without weights, for another person to read:
 *   plan.json        the plan as a file, which can be run again
 *   record.json      when and on what it ran, cells that gave nothing, ablations
 *   tasks/0000.json  a task with its test examples, so that answers can be read beside their questions
 *   cells/0000.json  what one cell gave on each test example
 *   manifest.json    version, and the hash of every other file
 */
export const bundleVersion = 1

/** Every name that a bundle may hold. */
export const allowedName = /^(?:(?:manifest|plan|record)\.json|(?:tasks|cells)\/\d{4,6}\.json)$/

/** Names of tasks and cells by their place. */
export function nameOf(folder: 'tasks' | 'cells', place: number): string {
  return `${folder}/${String(place).padStart(4, '0')}.json`
}

/** What is read at most. A comparison of 62 tasks x 12 arms x 5 seeds with 300 examples each is some 80 MB unpacked. */
export const bundleLimits = { fileBytes: 1_000_000_000, entries: 60_000, entryBytes: 64_000_000, totalBytes: 4_000_000_000 }

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const shortText = v.pipe(v.string(), v.maxLength(200))
/** An ISO time; others would make dates that cannot be shown. */
const time = v.pipe(v.string(), v.isoTimestamp())

export const manifestSchema = v.object({
  format: v.literal('amalgam-plan'),
  version: v.literal(bundleVersion),
  appVersion: shortText,
  writtenAt: time,
  files: v.array(v.object({ name: v.pipe(v.string(), v.regex(allowedName)), sizeBytes: v.number(), sha256 })),
})
export type Manifest = v.InferOutput<typeof manifestSchema>

/** The beginning of a manifest of any version. */
export const manifestHeadSchema = v.object({ format: v.literal('amalgam-plan'), version: v.number(), appVersion: shortText })

export const recordSchema = v.object({
  baseName: shortText,
  createdAt: time,
  startedAt: v.nullable(time),
  endedAt: v.nullable(time),
  /** Arm that was pinned. */
  baseline: v.nullable(v.string()),
  provenance: v.record(v.string(), v.string()),
  problems: v.array(problemSchema),
  /** Cells that gave nothing, and why. */
  open: v.array(v.object({ cell: v.string(), state: v.picklist(['waiting', 'failed', 'left']), problems: v.array(problemSchema) })),
  ablations: v.array(ablationSchema),
})
export type BundleRecord = v.InferOutput<typeof recordSchema>

export const bundlePlanSchema = planFileSchema
export const bundleTaskSchema = planTaskSchema
export const bundleCellSchema = cellResultSchema
