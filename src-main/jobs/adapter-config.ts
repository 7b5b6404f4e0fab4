import type { AdapterDetail } from '../contract/adapter.ts'
import type { ResolvedMergeJob } from '../contract/recipe.ts'

/** The PEFT release whose file format is written. */
const peftVersion = '0.21.0'

type Config = Readonly<Record<string, unknown>>

/** What a config says that Amalgam writes; everything else is PEFT's own default. */
export interface ConfigFacts {
  readonly rank: number
  readonly alpha: number
  readonly useRslora: boolean
  readonly dropout: number
  /** null where it is not known. */
  readonly baseModelName: string | null
  readonly revision: string | null
  readonly taskType: string | null
  readonly fanInFanOut: boolean
  /** Sorted. */
  readonly targetModules: readonly string[]
}

/** adapter_config.json of an adapter with one rank and one alpha, no patterns and no extras; keys are sorted, as PEFT does. */
export function configText(facts: ConfigFacts): string {
  const config = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: facts.baseModelName,
    bias: 'none',
    exclude_modules: null,
    fan_in_fan_out: facts.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: facts.alpha,
    lora_bias: false,
    lora_dropout: facts.dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: peftVersion,
    r: facts.rank,
    rank_pattern: {},
    revision: facts.revision,
    target_modules: facts.targetModules,
    target_parameters: null,
    task_type: facts.taskType,
    trainable_token_indices: null,
    use_dora: false,
    use_rslora: facts.useRslora,
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/**
 * adapter_config.json of a merged adapter (merge-methods.md 1.2, "when writing"): one rank, alpha equal to it so that the scaling is 1, no patterns,
 * no extras, an explicit list of targets. What the sources agree on is kept.
 */
export function adapterConfig(job: ResolvedMergeJob, sources: readonly AdapterDetail[]): string {
  const configs = sources.map(configOf)
  const rank = job.output.rank
  return configText({
    ...{ rank, alpha: rank, useRslora: false, dropout: 0 },
    baseModelName: agreed(sources.map((source) => source.baseModelName)),
    revision: agreed(configs.map((source) => source['revision'])),
    taskType: agreed(configs.map((source) => source['task_type'])),
    // The base stores such matrices transposed; PEFT corrects the flag itself where it does not fit.
    fanInFanOut: configs.some((source) => source['fan_in_fan_out'] === true),
    targetModules: targetModules(job, sources, configs),
  })
}

/** The config of an adapter that was trained on from another one: ranks, alphas, patterns and targets are its own, what is beside the update goes. */
export function continuedConfig(source: AdapterDetail, dropout: number): string {
  const config = { ...configOf(source), bias: 'none', inference_mode: true, lora_dropout: dropout, modules_to_save: null }
  const sorted = Object.entries(config).sort(([left], [right]) => (left < right ? -1 : 1))
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`
}

/** The one text that all sources which say anything agree on, else null. */
function agreed(values: readonly unknown[]): string | null {
  const texts = new Set(values.filter((value) => typeof value === 'string' && value !== ''))
  return texts.size === 1 ? ([...texts][0] as string) : null
}

function configOf(source: AdapterDetail): Config {
  if (source.config === null) return {}
  const parsed: unknown = JSON.parse(source.config)
  return typeof parsed === 'object' && parsed !== null ? (parsed as Config) : {}
}

/**
 * Sorted names that PEFT matches to exactly the modules of the file. A kind (q_proj) stands for all modules of that kind where one source targeted
 * it by that name and had them all; otherwise each module is named in full.
 */
function targetModules(job: ResolvedMergeJob, sources: readonly AdapterDetail[], configs: readonly Config[]): readonly string[] {
  const byKind = new Map<string, string[]>()
  for (const { name } of job.modules) {
    const kind = lastPart(name)
    byKind.set(kind, [...(byKind.get(kind) ?? []), name])
  }
  const names = [...byKind].flatMap(([kind, modules]) => (coveredByKind(kind, modules, sources, configs) ? [kind] : modules))
  return names.sort()
}

function coveredByKind(kind: string, modules: readonly string[], sources: readonly AdapterDetail[], configs: readonly Config[]): boolean {
  return sources.some((source, index) => {
    const config = configs[index] ?? {}
    const targets = config['target_modules']
    const everywhere = [config['layers_to_transform'], config['exclude_modules']].every((limit) => limit === null || limit === undefined)
    if (!everywhere || !Array.isArray(targets) || !targets.includes(kind)) return false
    const own = new Set(source.modules.map((module) => module.name))
    return modules.every((name) => own.has(name))
  })
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
