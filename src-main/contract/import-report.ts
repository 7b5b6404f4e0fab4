import * as v from 'valibot'
import { adapterVariants, type AdapterVariant } from './adapter.ts'
import { problemSchema } from './problem-schema.ts'

export const importItemSchema = v.object({
  path: v.string(),
  /** The adapter's id; a duplicate carries the existing one; null where nothing could be listed. */
  id: v.nullable(v.string()),
  /** pending: listed, background checks still running. */
  status: v.picklist(['pending', 'imported', 'duplicate', 'refused']),
  variant: v.picklist(Object.keys(adapterVariants) as [AdapterVariant, ...AdapterVariant[]]),
  problems: v.array(problemSchema),
})
export type ImportItem = v.InferOutput<typeof importItemSchema>

export const importReportSchema = v.object({
  id: v.string(),
  startedAt: v.string(),
  finishedAt: v.nullable(v.string()),
  counts: v.object({
    imported: v.number(),
    duplicate: v.number(),
    refused: v.number(),
    pending: v.number(),
    /** Problem code of each refusal -> how many. */
    byReason: v.record(v.string(), v.number()),
    /** Screen of the recycling study -> how many of the imported fail it (a report, never a refusal). */
    byScreen: v.record(v.string(), v.number()),
  }),
  items: v.array(importItemSchema),
})
export type ImportReport = v.InferOutput<typeof importReportSchema>

/** Progress of a running import, for the line above the table. */
export const importProgressSchema = v.object({
  id: v.string(),
  stage: v.picklist(['scanning', 'listing', 'checking', 'done']),
  done: v.number(),
  total: v.number(),
  ratePerSecond: v.number(),
  etaSeconds: v.nullable(v.number()),
  counts: importReportSchema.entries.counts,
})
export type ImportProgress = v.InferOutput<typeof importProgressSchema>
