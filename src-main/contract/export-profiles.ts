import * as v from 'valibot'
import { problemSchema } from './problem-schema.ts'

/** Tools for which an adapter can be exported (merge-methods.md 1.9). */
export const exportProfiles = {
  peft: {
    label: 'PEFT',
    summary: 'The adapter as it is: weights, config and card are copied byte for byte.',
    rewrites: false,
  },
  vllm: {
    label: 'vLLM',
    summary:
      'Scaling folded into the factors, one rank for all modules padded to one that vLLM accepts, alpha = rank, no patterns, no extras.',
    rewrites: true,
  },
  llamacpp: {
    label: 'llama.cpp',
    summary: 'Scaling folded into the factors, one rank, alpha = rank, factors only: what convert_lora_to_gguf reads.',
    rewrites: true,
  },
} as const satisfies Readonly<Record<string, { label: string; summary: string; rewrites: boolean }>>
export type ExportProfile = keyof typeof exportProfiles
export const exportProfileIds = Object.keys(exportProfiles) as [ExportProfile, ...ExportProfile[]]

/** What a tool would say of an adapter: as it is now, and after the export that is made for it. */
export const exportCheckSchema = v.object({
  profile: v.picklist(exportProfileIds),
  /** What the tool would refuse, ignore or get wrong if given the adapter unchanged. */
  unchanged: v.array(problemSchema),
  /** What stands against the export itself (errors), or is lost by it (warnings). */
  exported: v.array(problemSchema),
  /** Rank after the export; null when it cannot be made. */
  rank: v.nullable(v.number()),
  sizeBytes: v.nullable(v.number()),
})
export type ExportCheck = v.InferOutput<typeof exportCheckSchema>

/** What a finished export job leaves; on the command line it is followed by the problems. */
export const exportResultSchema = v.object({
  path: v.string(),
  profile: v.picklist(exportProfileIds),
  rank: v.number(),
  /** Size of the weights file. */
  sizeBytes: v.number(),
})
export type ExportResult = v.InferOutput<typeof exportResultSchema>
