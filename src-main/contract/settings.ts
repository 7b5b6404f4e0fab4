import * as v from 'valibot'
import { problemSchema } from './problem-schema.ts'

/** What a person can set; every field has its default here and nowhere else. */
export const settingsSchema = v.object({
  appearance: v.optional(v.picklist(['system', 'light', 'dark']), 'system'),
  /** Threads for computing; 0 means all cores but one (at least one). */
  threads: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(256)), 0),
  /** Where base models run: the first GPU when there is one, or the processor. */
  device: v.optional(v.picklist(['automatic', 'cpu', 'cuda']), 'automatic'),
  /** Most memory in GB for evaluating and training; 0 means what is free. */
  memoryGigabytes: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100000)), 0),
  /** Where merged adapters go; null means the library's own folder. */
  outputFolder: v.optional(v.nullable(v.string()), null),
  /** Folders that are watched while the app runs: adapters that appear there are imported. None at the start. */
  watchedFolders: v.optional(v.pipe(v.array(v.string()), v.maxLength(20)), []),
  /** Widths and collapsed state of panes, chosen columns: plain strings keyed by the renderer. */
  layout: v.optional(v.record(v.string(), v.string()), {}),
})
export type Settings = v.InferOutput<typeof settingsSchema>

export const deviceSchema = v.object({
  /** "CPU" or the GPU's name. */
  device: v.string(),
  /** Why the GPU is not used; empty when it is. */
  reason: v.string(),
  processor: v.string(),
  threads: v.number(),
  instructions: v.string(),
  nativeBuild: v.nullable(v.string()),
})
export type Device = v.InferOutput<typeof deviceSchema>

/** Why the library could not be opened, and what may be put back, newest first. */
export const recoverySchema = v.object({
  problem: problemSchema,
  backups: v.array(v.object({ path: v.string(), at: v.string(), adapters: v.number() })),
})
export type Recovery = v.InferOutput<typeof recoverySchema>

export const appInfoSchema = v.object({
  version: v.string(),
  host: v.picklist(['electron', 'web']),
  libraryFolder: v.string(),
  outputFolder: v.string(),
  device: deviceSchema,
  /** True where the host can show native dialogs and reveal folders. */
  canPick: v.boolean(),
  demoAvailable: v.boolean(),
  /** Not null while the library is damaged: then only app.info, app.reveal and the recovery requests are answered with more than that problem. */
  recovery: v.nullable(recoverySchema),
})
export type AppInfo = v.InferOutput<typeof appInfoSchema>
