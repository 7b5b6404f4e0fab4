import * as v from 'valibot'
import type { Problem } from './problems.ts'
import { problemSchema } from './problem-schema.ts'

/** checking: headers read, hash and finite scan pending; ok; missing: no known path holds the file; refused: cannot be used. */
export const adapterStatuses = ['checking', 'ok', 'missing', 'refused'] as const
export type AdapterStatus = (typeof adapterStatuses)[number]

/**
 * The class of an adapter (merge-methods.md 1.7). plain and lori: every merge method; extras: the low-rank part merges, the rest is left out;
 * the others are catalogued, and merging them is refused by name.
 */
export const adapterVariants = {
  plain: { label: 'plain LoRA', mergeable: true, meaning: 'A low-rank update and nothing else.' },
  'frozen-a': { label: 'frozen A', mergeable: true, meaning: 'A looks frozen at its uniform start (LoRI-D compatible).' },
  'lori-s': { label: 'LoRI-S', mergeable: true, meaning: 'A looks frozen at its uniform start and B is sparse.' },
  extras: {
    label: 'LoRA with extras',
    mergeable: true,
    meaning: 'Holds tensors beside the low-rank update, such as modules saved in full; a merge leaves them out.',
  },
  dora: {
    label: 'DoRA',
    mergeable: false,
    meaning: 'The update depends on the base model through a magnitude vector; it is not B times A.',
  },
  'lora-bias': { label: 'LoRA with bias on B', mergeable: false, meaning: 'The update is affine: a bias is added to B.' },
  'changed-base': {
    label: 'changed base',
    mergeable: false,
    meaning: 'Started from factors taken out of the base model (PiSSA, OLoRA and kin); only valid on that residual base.',
  },
  'not-static': {
    label: 'not a static update',
    mergeable: false,
    meaning: 'A variant whose update is not one fixed matrix for each module.',
  },
  experts: {
    label: 'expert parameters',
    mergeable: false,
    meaning: 'Targets stacked expert parameters; rows and columns are grouped by expert.',
  },
  other: { label: 'other', mergeable: false, meaning: 'Not a LoRA update that Amalgam can read.' },
} as const satisfies Readonly<Record<string, { label: string; mergeable: boolean; meaning: string }>>
export type AdapterVariant = keyof typeof adapterVariants
const variantIds = Object.keys(adapterVariants) as [AdapterVariant, ...AdapterVariant[]]

/** How an adapter came into the library. */
export const adapterOrigins = ['imported', 'merged', 'tuned', 'trained', 'demo'] as const
export type AdapterOrigin = (typeof adapterOrigins)[number]

/** Storage dtypes of factors that Amalgam reads, as written in recipes. */
export const dtypes = ['float32', 'float16', 'bfloat16'] as const
export type Dtype = (typeof dtypes)[number]

/** The screens of recycling-loras.md 1.2, in the order in which the study applied them. Stored as facts; none refuses an import. */
export const screens = {
  'base-named': 'The config names a base model.',
  'safetensors-weights': 'Weights are safetensors.',
  'lora-type': 'PEFT type is LORA.',
  'causal-lm': 'Task type is CAUSAL_LM.',
  'no-modules-to-save': 'No modules are saved in full.',
  'no-bias': 'Bias is "none".',
  'no-variant-switch': 'None of DoRA, layer replication, LoRA bias, CorDA, EVA, LoftQ, trainable token indices.',
  'no-patterns': 'No rank or alpha per module.',
  finite: 'Every value is finite.',
  'factors-paired': 'Every module has both factors, and their ranks agree.',
  'norm-in-range': 'The norm of the update is greater than 1 and at most 1000.',
} as const
export type ScreenId = keyof typeof screens
/** null: not known yet (background checks pending). */
export type ScreenResults = Readonly<Record<ScreenId, boolean | null>>

/** One target module as the file holds it; `in` and `out` are the base matrix's sides, rank the rows of A. */
export interface AdapterModule {
  readonly name: string
  /** Layer index, or null for a module outside the layers. */
  readonly layer: number | null
  /** Last part of the name: q_proj, down_proj... */
  readonly moduleKind: string
  readonly in: number
  readonly out: number
  readonly rank: number
  readonly alpha: number
  readonly scaling: number
  readonly dtype: Dtype
  /** Names of the factors in the weights file. */
  readonly tensorA: string
  readonly tensorB: string
  /** Frobenius norm of scaling * B * A; null until checked. */
  readonly norm: number | null
}

/** Where an output came from. */
export interface Lineage {
  readonly kind: 'merge' | 'tuned' | 'trained'
  /** The merge method; of a tuned adapter the one that its coefficients went through, of a trained one its variant. */
  readonly method: string
  readonly fingerprint: string
  readonly createdAt: string
  readonly jobId: string | null
  readonly sources: readonly {
    readonly id: string | null
    readonly name: string
    readonly contentHash: string
    readonly coefficient: string
  }[]
  /** The recipe as YAML, with every default filled in. */
  readonly recipe: string
  /** Of a tuned or trained adapter. */
  readonly adaptation?: AdaptationLineage
}

/** What a tuned or trained adapter depends on besides its sources. */
export interface AdaptationLineage {
  readonly arm: 'tune' | 'search' | 'train'
  readonly control: string | null
  readonly preset: string | null
  readonly params: Readonly<Record<string, number | string | boolean>>
  readonly baseName: string
  readonly baseHash: string
  readonly taskId: string
  readonly taskHash: string
  readonly budget: number | null
  readonly seed: number
  /** Ids of the examples it learned from, and of those that chose the step. */
  readonly trainIds: readonly string[]
  readonly validationIds: readonly string[]
  readonly chosenStep: number | null
  readonly startLoss: number | null
  readonly chosenLoss: number | null
  /** Adapters that it was chosen from. */
  readonly pool: readonly { readonly name: string; readonly contentHash: string }[]
  /** Loss on the validation examples over the steps (of a search the least objective over its trials), as far as it was measured. */
  readonly curve: readonly { readonly step: number; readonly loss: number }[]
}

export const adapterRowSchema = v.object({
  id: v.string(),
  name: v.string(),
  paths: v.array(v.string()),
  contentHash: v.nullable(v.string()),
  tensorHash: v.nullable(v.string()),
  baseModelName: v.nullable(v.string()),
  /** Distinct values over the modules, ascending. */
  ranks: v.array(v.number()),
  alphas: v.array(v.number()),
  scaling: v.array(v.number()),
  targetModules: v.array(v.string()),
  /** Number of distinct layers touched. */
  layers: v.number(),
  dtype: v.nullable(v.string()),
  sizeBytes: v.number(),
  updateNorm: v.nullable(v.number()),
  /** Mean effective rank over the modules, weighted by squared norm; null until checked. */
  effectiveRank: v.nullable(v.number()),
  variant: v.picklist(variantIds),
  status: v.picklist(adapterStatuses),
  tags: v.array(v.string()),
  /** Names of the collections it is in. */
  collections: v.array(v.string()),
  favourite: v.boolean(),
  origin: v.picklist(adapterOrigins),
  licence: v.nullable(v.string()),
  addedAt: v.string(),
  /** Worst first; the detail pane shows them in full. */
  problems: v.array(problemSchema),
})
/** One line of the library, as the table and `ls` show it. */
export type AdapterRow = v.InferOutput<typeof adapterRowSchema>

export const adapterDetailSchema = v.object({
  ...adapterRowSchema.entries,
  lineage: v.nullable(v.custom<Lineage>(() => true)),
  notes: v.string(),
  useRslora: v.boolean(),
  screens: v.custom<ScreenResults>(() => true),
  modules: v.array(v.custom<AdapterModule>(() => true)),
  /** Tags of the model card, to be shown as plain text; they are not the library's own. */
  cardTags: v.optional(v.array(v.string())),
  ignoredTensors: v.array(v.object({ name: v.string(), shape: v.array(v.number()), reason: v.string() })),
  /** Other adapters with the same factors (same tensorHash). */
  sameWeights: v.array(v.object({ id: v.string(), name: v.string() })),
  /** Adapters merged from this one. */
  usedBy: v.array(v.object({ id: v.string(), name: v.string() })),
  /** The parsed adapter_config.json, pretty-printed; null when unreadable. */
  config: v.nullable(v.string()),
})
/** Everything the detail pane shows; `show` and `check` print it. */
export type AdapterDetail = v.InferOutput<typeof adapterDetailSchema>

/** True when merging this variant is defined in Amalgam. */
export function isMergeable(adapter: {
  readonly variant: AdapterVariant
  readonly status: AdapterStatus
  readonly problems: readonly Problem[]
}): boolean {
  return adapter.status === 'ok' && adapterVariants[adapter.variant].mergeable
}
