/**
 * What PEFT would make of an adapter folder, read by PEFT's own rules (research of PEFT 0.21.0: precedence of patterns, scaling, targets) and
 * independent of the product's reader: the update scaling * B * A of each module, in double.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSafetensors, type Tensor } from './safetensors.ts'

/** The update of one module, row-major, out x in. */
export interface Update {
  readonly out: number
  readonly in: number
  readonly rank: number
  readonly scaling: number
  readonly delta: Float64Array
}

interface PeftConfig {
  readonly peft_type: string
  readonly r: number
  readonly lora_alpha: number
  readonly rank_pattern: Readonly<Record<string, number>>
  readonly alpha_pattern: Readonly<Record<string, number>>
  readonly use_rslora: boolean
  readonly target_modules: string | readonly string[] | null
}

/** The updates of the modules that PEFT would load, by module name. Throws where PEFT would not load the folder, or would load it with a warning. */
export function readPeftAdapter(folder: string): Map<string, Update> {
  const config = readPeftConfig(folder)
  const tensors = readSafetensors(join(folder, 'adapter_model.safetensors'))
  const updates = new Map<string, Update>()
  for (const [name, a] of tensors) {
    const match = /^base_model\.model\.(.+)\.lora_(A\.weight|embedding_A)$/.exec(name)
    if (!match) continue
    const module = match[1] ?? ''
    const b = tensors.get(name.replace('.lora_A.', '.lora_B.').replace('.lora_embedding_A', '.lora_embedding_B'))
    if (!b) throw new Error(`${module} has no second factor`)
    if (!isTargeted(config, module)) throw new Error(`${module} is not targeted by the config: PEFT would ignore its factors`)
    updates.set(module, updateOf(config, module, a, b))
  }
  const used = updates.size * 2
  if (used !== tensors.size) throw new Error(`${tensors.size - used} tensors belong to no update`)
  return updates
}

/** The config as PEFT reads it: absent fields take PEFT's defaults. */
export function readPeftConfig(folder: string): PeftConfig & Readonly<Record<string, unknown>> {
  const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
  if (config['peft_type'] !== 'LORA') throw new Error(`peft_type is ${String(config['peft_type'])}`)
  const defaults = { r: 8, lora_alpha: 8, rank_pattern: {}, alpha_pattern: {}, use_rslora: false, target_modules: null }
  return { ...defaults, ...config } as PeftConfig & Readonly<Record<string, unknown>>
}

/** Sum of coefficient * update over the sources, module by module; a source without the module brings nothing. */
export function weightedSum(
  sources: readonly { readonly updates: ReadonlyMap<string, Update>; readonly coefficient: number | ((module: string) => number) }[],
): Map<string, Float64Array> {
  const sums = new Map<string, Float64Array>()
  for (const { updates, coefficient } of sources) {
    for (const [module, { delta }] of updates) {
      const factor = typeof coefficient === 'number' ? coefficient : coefficient(module)
      const sum = sums.get(module) ?? new Float64Array(delta.length)
      for (let i = 0; i < delta.length; i++) sum[i]! += factor * delta[i]!
      sums.set(module, sum)
    }
  }
  return sums
}

/** Frobenius norm. */
export function norm(values: ArrayLike<number>): number {
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += values[i]! ** 2
  return Math.sqrt(squares)
}

/** ||actual - expected|| / ||expected||; the norm of the difference itself where nothing is expected. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values against ${expected.length}`)
  const difference = norm(Float64Array.from({ length: actual.length }, (_, i) => actual[i]! - expected[i]!))
  return difference / (norm(expected) || 1)
}

/** The largest relative difference over all modules; both sides must have the same modules. */
export function worstDifference(actual: ReadonlyMap<string, Update>, expected: ReadonlyMap<string, ArrayLike<number>>): number {
  const names = [...expected.keys()].sort()
  if (JSON.stringify([...actual.keys()].sort()) !== JSON.stringify(names)) throw new Error('the modules differ')
  return Math.max(...names.map((name) => relativeDifference(actual.get(name)!.delta, expected.get(name)!)))
}

function updateOf(config: PeftConfig, module: string, a: Tensor, b: Tensor): Update {
  const rank = patternValue(config.rank_pattern, module) ?? config.r
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha
  if (a.shape[0] !== rank || b.shape[1] !== rank)
    throw new Error(`${module}: the config says rank ${rank}, the file has ${a.shape[0]} and ${b.shape[1]}`)
  const scaling = config.use_rslora ? alpha / Math.sqrt(rank) : alpha / rank
  const [out, columns] = [b.shape[0] ?? 0, a.shape[1] ?? 0]
  return { out, in: columns, rank, scaling, delta: product(b.data, a.data, out, rank, columns, scaling) }
}

function product(b: ArrayLike<number>, a: ArrayLike<number>, out: number, rank: number, columns: number, scaling: number): Float64Array {
  const delta = new Float64Array(out * columns)
  for (let i = 0; i < out; i++) {
    for (let k = 0; k < rank; k++) {
      const factor = scaling * b[i * rank + k]!
      for (let j = 0; j < columns; j++) delta[i * columns + j]! += factor * a[k * columns + j]!
    }
  }
  return delta
}

/** The first entry in file order whose key, as an expression, matches the end of the name after a dot. */
function patternValue(patterns: Readonly<Record<string, number>>, module: string): number | undefined {
  return Object.entries(patterns).find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))?.[1]
}

function isTargeted({ target_modules: targets }: PeftConfig, module: string): boolean {
  if (targets === null) throw new Error('target_modules is missing')
  if (targets === 'all-linear') return true
  if (typeof targets === 'string') return new RegExp(`^(?:${targets})$`).test(module)
  return targets.some((target) => module === target || module.endsWith(`.${target}`))
}
