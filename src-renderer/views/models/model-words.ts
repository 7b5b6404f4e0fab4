import type { BaseModel } from '../../../src-main/contract/base-model.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatNumber } from '../../format/numbers.ts'

const families: Readonly<Record<string, string>> = { llama: 'Llama', mistral: 'Mistral', qwen2: 'Qwen2', qwen3: 'Qwen3' }

export function familyWord(family: string): string {
  return families[family] ?? family
}

/** A number of parameters as people say it: 8.03 B, 135 M, 2.24 M, 11.3 k. */
export function formatParameters(parameters: number): string {
  for (const [size, unit] of [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (parameters >= size) return `${formatNumber(parameters / size)} ${unit}`
  }
  return String(parameters)
}

/** Whether it can be evaluated here: "fits cpu", or what is short on the device that has the most. */
export function fitsMemory(base: BaseModel): string {
  const fitting = base.memory.filter(({ needs, free }) => needs <= free).map(({ device }) => device)
  if (fitting.length > 0) return `fits ${fitting.join(', ')}`
  const [best] = [...base.memory].sort((left, right) => right.free - left.free)
  return best ? `needs ${formatBytes(best.needs)}` : 'unknown'
}
