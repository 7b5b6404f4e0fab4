import * as v from 'valibot'
import { problemSchema } from './problem-schema.ts'

/** checking: its files are being hashed; ok; missing: not where it was; refused: it cannot be used, and the problems say why. */
export const baseModelStatuses = ['checking', 'ok', 'missing', 'refused'] as const

/** A base model on disk, as Hugging Face checkpoints are. Its files are never changed. */
export const baseModelSchema = v.object({
  id: v.string(),
  name: v.string(),
  path: v.string(),
  status: v.picklist(baseModelStatuses),
  /** llama, mistral, qwen2 or qwen3. */
  family: v.string(),
  dtype: v.string(),
  parameters: v.number(),
  weightBytes: v.number(),
  vocabulary: v.number(),
  hidden: v.number(),
  intermediate: v.number(),
  layers: v.number(),
  heads: v.number(),
  kvHeads: v.number(),
  headDim: v.number(),
  /** Longest sequence in tokens. */
  maxPositions: v.number(),
  tied: v.boolean(),
  /** SHA-256 over the hashes of its weight files, config.json, tokenizer and chat template; null until they are read. */
  contentHash: v.nullable(v.string()),
  /** own: it brings a chat template; plain: it brings none, and prompts are put together without one. */
  template: v.picklist(['own', 'plain']),
  /** What scoring needs on each device, and what is free there now, in bytes. */
  memory: v.array(v.object({ device: v.string(), needs: v.number(), free: v.number() })),
  /** Adapters of the library whose target modules fit it by name and shape. */
  adapters: v.number(),
  problems: v.array(problemSchema),
})
export type BaseModel = v.InferOutput<typeof baseModelSchema>
