import * as v from 'valibot'
import { dtypes, type Dtype } from './adapter.ts'
import type { ParamValues } from './params.ts'
import { problemSchema } from './problem-schema.ts'

/** One coefficient rule; the last rule that matches a module wins (CONTRACT.md, "Recipe"). */
const ruleSchema = v.strictObject({
  /** Names joined by "|", each matched against the last part of the module's name (q_proj, down_proj). */
  modules: v.optional(v.string()),
  /** First and last layer, inclusive. */
  layers: v.optional(v.strictTuple([v.number(), v.number()])),
  value: v.number(),
})
export type CoefficientRule = v.InferOutput<typeof ruleSchema>

export const coefficientSchema = v.union([v.number(), v.strictObject({ default: v.number(), rules: v.optional(v.array(ruleSchema), []) })])
/** The number that multiplies one adapter's contribution: one for all modules, or a default with rules by module and layer. */
export type Coefficient = v.InferOutput<typeof coefficientSchema>

/** Allowed padded ranks: none keeps the rank; vllm rounds up to the next rank that vLLM accepts. */
export const paddings = ['none', 'vllm'] as const
/** Ranks that vLLM accepts (merge-methods.md 1.9). */
export const vllmRanks: readonly number[] = [1, 8, 16, 32, 64, 128, 256, 320, 512]

export const recipeSchema = v.strictObject({
  method: v.string(),
  adapters: v.array(
    v.strictObject({
      /** Path, id or unique name. */
      adapter: v.string(),
      coefficient: v.optional(coefficientSchema),
      params: v.optional(v.record(v.string(), v.unknown())),
    }),
  ),
  params: v.optional(v.record(v.string(), v.unknown()), {}),
  output: v.optional(
    v.strictObject({
      /** sum: keep everything; auto: the largest source rank (or what the method fixes). */
      rank: v.optional(v.union([v.number(), v.picklist(['sum', 'auto'])]), 'auto'),
      dtype: v.optional(v.picklist(dtypes), 'float32'),
      padTo: v.optional(v.picklist(paddings), 'none'),
      /** Name of the result in the library. */
      name: v.optional(v.string()),
    }),
    {},
  ),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
})
/** A recipe with its optional parts present; parameters are not checked yet. */
export type Recipe = v.InferOutput<typeof recipeSchema>
/** A recipe as a person writes it. */
export type RecipeInput = v.InferInput<typeof recipeSchema>

/** One adapter of a resolved merge. */
export interface ResolvedSource {
  readonly id: string
  readonly name: string
  readonly contentHash: string
  readonly tensorHash: string
  readonly weightsFile: string
  readonly params: ParamValues
}

/** What one adapter brings to one module: factor names in its file, rank, scaling and coefficient. */
export interface ResolvedContribution {
  readonly adapter: number
  readonly a: string
  readonly b: string
  readonly rank: number
  readonly scaling: number
  readonly coefficient: number
}

/** One target module of the result; `rank` is the kept rank, -1 keeps everything. */
export interface ResolvedModule {
  readonly name: string
  readonly in: number
  readonly out: number
  readonly rank: number
  readonly outputA: string
  readonly outputB: string
  readonly sources: readonly ResolvedContribution[]
}

/**
 * A recipe with every default, absolute path, hash, shape, seed and device filled in: the sole input of the native core and of engine_cli.
 * Its fingerprint is the SHA-256 of its canonical JSON without what belongs to one library only (`weightsFile`, `id`, `name`).
 */
export interface ResolvedMergeJob {
  readonly schema: 1
  readonly kind: 'merge'
  readonly method: string
  readonly params: ParamValues
  readonly adapters: readonly ResolvedSource[]
  readonly modules: readonly ResolvedModule[]
  readonly output: { readonly dtype: Dtype; readonly rank: number }
  readonly seed: number
  readonly device: string
}

/** What the native core reports of a finished merge. */
export interface MergeOutcome {
  readonly rank: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly seconds: number
  readonly peakBytes: number
  readonly modules: readonly MergedModule[]
}
export interface MergedModule {
  readonly name: string
  readonly rank: number
  /** Frobenius norm of the merged update of the module before it is cut. */
  readonly norm: number
  /** ||D - D'||_F / ||D||_F of what truncation cut; 0 when nothing was cut. Kept energy is 1 minus its square. */
  readonly discardedEnergy: number
}

/** Result of `merge`, on the command line and in a job. */
export const mergeResultSchema = v.object({
  id: v.string(),
  path: v.string(),
  rank: v.number(),
  fingerprint: v.string(),
  seconds: v.number(),
  modules: v.array(v.object({ name: v.string(), discardedEnergy: v.number(), norm: v.number() })),
  problems: v.array(problemSchema),
})
export type MergeResult = v.InferOutput<typeof mergeResultSchema>

/** The live preview of a recipe draft. */
export const mergePreviewSchema = v.object({
  problems: v.array(problemSchema),
  /** Compatibility in words: "2 ranks, 2 sets of target modules: exact". Empty when the recipe is refused. */
  compatibility: v.array(v.string()),
  /** null when the recipe is refused or the numbers are not computed. */
  estimate: v.nullable(
    v.object({
      rank: v.number(),
      rankSum: v.number(),
      sizeBytes: v.number(),
      modules: v.number(),
      fingerprint: v.string(),
      /** False when only a sample of the modules was read; numbers are then called estimated. */
      exact: v.boolean(),
      modulesUsed: v.number(),
      /** Share of the squared norm kept after truncation, 0 to 1. */
      keptEnergy: v.number(),
      keptEnergyByLayer: v.array(v.object({ layer: v.nullable(v.number()), keptEnergy: v.number() })),
      mergedNorm: v.number(),
      /** Norm of each adapter's update over the used modules, without its coefficient. */
      sourceNorms: v.array(v.number()),
      /** Cosine between the updates of each pair of adapters. */
      cosines: v.array(v.array(v.number())),
    }),
  ),
})
export type MergePreview = v.InferOutput<typeof mergePreviewSchema>
