import type { AdapterDetail, AdapterModule, AdapterVariant } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'

/** What a tool sees of an adapter: its config, the factors and whatever else lies in its file. Made from a row, or from the plan of an export. */
export interface ProfileFacts {
  readonly name: string
  /** The parsed adapter_config.json; empty when it cannot be read. */
  readonly config: Readonly<Record<string, unknown>>
  readonly variant: AdapterVariant
  readonly modules: readonly Pick<AdapterModule, 'name' | 'moduleKind' | 'rank' | 'scaling' | 'tensorA' | 'tensorB'>[]
  /** Tensors that are no factors. */
  readonly extras: readonly { readonly name: string }[]
  /** What the library found in it; its errors are what every loader stumbles over. */
  readonly problems: readonly Problem[]
}

/** The facts of an adapter as it lies in its folder. */
export function profileFacts(adapter: AdapterDetail): ProfileFacts {
  const { name, variant, modules, ignoredTensors, problems } = adapter
  return { name, config: configOf(adapter), variant, modules, extras: ignoredTensors, problems }
}

function configOf({ config }: AdapterDetail): Readonly<Record<string, unknown>> {
  const parsed: unknown = config === null ? null : JSON.parse(config)
  return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : {}
}

/** A number of the config, or PEFT's default for rank and alpha. */
export function configNumber(facts: ProfileFacts, field: 'r' | 'lora_alpha'): number {
  const value = facts.config[field]
  return typeof value === 'number' ? value : 8
}

/** True for a field of the config that is switched on: not missing, null, false, empty, or (bias) "none". */
export function isSet(facts: ProfileFacts, field: string): boolean {
  const value = facts.config[field]
  if (value === undefined || value === null || value === false || value === '' || value === 'none') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** The largest rank of the factors; 0 when there are none. */
export function largestRank(facts: Pick<ProfileFacts, 'modules'>): number {
  return facts.modules.reduce((largest, module) => Math.max(largest, module.rank), 0)
}

/** What a tensor beside the factors is, as far as tools treat it differently. */
export type ExtraKind = 'base-layer' | 'magnitude' | 'bias' | 'saved-module' | 'norm' | 'other'

/** The tensors beside the factors by kind, in the file's order. */
export function extrasByKind(facts: ProfileFacts): ReadonlyMap<ExtraKind, readonly string[]> {
  const kinds = new Map<ExtraKind, string[]>()
  for (const { name } of facts.extras) {
    const kind = kindOf(name, facts)
    kinds.set(kind, [...(kinds.get(kind) ?? []), name])
  }
  return kinds
}

function kindOf(name: string, facts: ProfileFacts): ExtraKind {
  const saved = facts.config['modules_to_save']
  if (name.endsWith('.base_layer.weight')) return 'base-layer'
  if (name.includes('.lora_magnitude_vector')) return 'magnitude'
  if (Array.isArray(saved) && saved.some((module) => typeof module === 'string' && `.${name}`.includes(`.${module}.`)))
    return 'saved-module'
  if (name.includes('_layernorm') || name.includes('.norm')) return 'norm'
  return name.endsWith('.bias') ? 'bias' : 'other'
}

/** True for the factors of an embedding, which are named and multiplied the other way round. */
export function isEmbeddingFactor(tensorA: string): boolean {
  return tensorA.includes('.lora_embedding_')
}

/** True when both factors are named as PEFT writes them, which is the only spelling that every tool reads. */
export function isSpeltAsPeft({ name, tensorA, tensorB }: ProfileFacts['modules'][number]): boolean {
  const prefix = `base_model.model.${name}`
  if (tensorA === `${prefix}.lora_embedding_A`) return tensorB === `${prefix}.lora_embedding_B`
  return tensorA === `${prefix}.lora_A.weight` && tensorB === `${prefix}.lora_B.weight`
}
