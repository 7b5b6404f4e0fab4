/** Makes tiny LoRA adapters on disk, as PEFT would save them: seeded values, chosen ranks, alphas, targets, dtype and config. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSafetensors, type TensorDtype } from './safetensors.ts'

export interface TestTensor {
  readonly dtype: TensorDtype
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}
export type TestTensors = Map<string, TestTensor>

/** Sides of the base matrices of a tiny Llama: hidden size, intermediate size, and rows of k_proj and v_proj. */
export interface TinyShape {
  readonly hidden: number
  readonly intermediate: number
  readonly keyValue: number
}
export const tinyShape: TinyShape = { hidden: 16, intermediate: 24, keyValue: 8 }

export interface TinyAdapter {
  readonly r?: number
  readonly alpha?: number
  /** Last parts of module names; default: the seven of a Llama layer. */
  readonly targets?: readonly string[]
  readonly layers?: number
  readonly shape?: TinyShape
  readonly dtype?: TensorDtype
  readonly seed?: number
  /** Rank of single modules by last part or whole name; written to the tensors only (say rank_pattern in `config` as well). */
  readonly ranks?: Readonly<Record<string, number>>
  /** Added to or replacing fields of the config; undefined removes a field. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The last word on the tensors before they are written. */
  readonly edit?: (tensors: TestTensors) => TestTensors | void
  /** README.md beside the weights. */
  readonly card?: string
}

export const allTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const

/** Writes adapter_config.json and adapter_model.safetensors into `folder` (made when missing) and returns the folder. */
export function makeAdapter(folder: string, options: TinyAdapter = {}): string {
  mkdirSync(folder, { recursive: true })
  const tensors = tinyTensors(options)
  const edited = options.edit?.(tensors) ?? tensors
  writeSafetensors(join(folder, 'adapter_model.safetensors'), edited)
  writeConfig(folder, tinyConfig(options))
  if (options.card !== undefined) writeFileSync(join(folder, 'README.md'), options.card)
  return folder
}

/** The config that fits `options`, with the fields PEFT 0.21 writes that Amalgam reads. */
export function tinyConfig(options: TinyAdapter = {}): Record<string, unknown> {
  return {
    alpha_pattern: {},
    base_model_name_or_path: 'test/tiny-llama',
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    lora_alpha: options.alpha ?? 8,
    lora_dropout: 0.05,
    modules_to_save: null,
    peft_type: 'LORA',
    r: options.r ?? 4,
    rank_pattern: {},
    target_modules: [...(options.targets ?? allTargets)],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
    ...options.config,
  }
}

export function writeConfig(folder: string, config: unknown): void {
  writeFileSync(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** The factors that fit `options`: Gaussian A (standard deviation 1/sqrt(in)) and B (0.5), so that norms lie well above 1. */
export function tinyTensors(options: TinyAdapter = {}): TestTensors {
  const random = gaussian(options.seed ?? 1)
  const tensors: TestTensors = new Map()
  for (let layer = 0; layer < (options.layers ?? 2); layer++) {
    for (const kind of options.targets ?? allTargets) {
      const name = moduleName(layer, kind)
      const [input, output] = sides(kind, options.shape ?? tinyShape)
      const rank = options.ranks?.[name] ?? options.ranks?.[kind] ?? options.r ?? 4
      const dtype = options.dtype ?? 'F32'
      tensors.set(factorName(name, 'A'), { dtype, shape: [rank, input], data: fill(rank * input, () => random() / Math.sqrt(input)) })
      tensors.set(factorName(name, 'B'), { dtype, shape: [output, rank], data: fill(output * rank, () => random() / 2) })
    }
  }
  return tensors
}

/** "model.layers.1.mlp.up_proj". */
export function moduleName(layer: number, kind: string): string {
  return `model.layers.${layer}.${['gate_proj', 'up_proj', 'down_proj'].includes(kind) ? 'mlp' : 'self_attn'}.${kind}`
}

/** Name of a factor in the file. */
export function factorName(module: string, factor: 'A' | 'B'): string {
  return `base_model.model.${module}.lora_${factor}.weight`
}

/** [in, out] of the base matrix of one kind of module. */
export function sides(kind: string, shape: TinyShape): readonly [number, number] {
  const { hidden, intermediate, keyValue } = shape
  if (kind === 'k_proj' || kind === 'v_proj') return [hidden, keyValue]
  if (kind === 'gate_proj' || kind === 'up_proj') return [hidden, intermediate]
  return kind === 'down_proj' ? [intermediate, hidden] : [hidden, hidden]
}

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal numbers from a seed (Box-Muller). */
export function gaussian(seed: number): () => number {
  const next = uniform(seed)
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** `count` numbers from a generator. */
export function fill(count: number, next: () => number): Float32Array {
  return Float32Array.from({ length: count }, next)
}
