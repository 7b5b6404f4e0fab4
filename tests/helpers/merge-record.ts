import { join } from 'node:path'
import type { ResolvedMergeJob } from '../../src-main/contract/recipe.ts'
import { writeSafetensors, type Tensor } from './safetensors.ts'

/** A matrix as a recorded reference holds it. */
export type Rows = readonly (readonly number[])[]

/** What a recorded reference merges: adapters with their factors, and a coefficient for each. */
export interface RecordedSources {
  readonly coefficients: readonly number[]
  readonly adapters: readonly {
    readonly scaling: number
    readonly modules: Readonly<Record<string, { readonly a: Rows; readonly b: Rows }>>
  }[]
}

/** Name of a factor in the files that are written here. */
export const factorName = (module: string, factor: 'A' | 'B'): string => `base_model.model.${module}.lora_${factor}.weight`

/** Writes the adapters of a recorded reference into `folder`, and the job over them; `modules` are those of the result with their rank, out x in. */
export function recordedJob(
  folder: string,
  { coefficients, adapters }: RecordedSources,
  method: Pick<ResolvedMergeJob, 'method' | 'params'>,
  modules: readonly { readonly name: string; readonly shape: readonly [number, number]; readonly rank: number }[],
): ResolvedMergeJob {
  return {
    schema: 1,
    kind: 'merge',
    ...method,
    adapters: adapters.map((adapter, index) => {
      const weightsFile = join(folder, `${index}.safetensors`)
      writeSafetensors(weightsFile, new Map(Object.entries(adapter.modules).flatMap(([name, factors]) => tensorsOf(name, factors))))
      return { id: `${index}`, name: `${index}`, contentHash: `${index}`, tensorHash: `${index}`, weightsFile, params: {} }
    }),
    modules: modules.map(({ name, shape: [out, inputs], rank }) => ({
      ...{ name, in: inputs, out, rank, outputA: factorName(name, 'A'), outputB: factorName(name, 'B') },
      sources: adapters.flatMap((source, adapter) => {
        const own = source.modules[name]?.a.length
        const coefficient = coefficients[adapter] ?? NaN
        if (own === undefined) return []
        return [{ adapter, a: factorName(name, 'A'), b: factorName(name, 'B'), rank: own, scaling: source.scaling, coefficient }]
      }),
    })),
    output: { dtype: 'float32', rank: Math.max(...modules.map(({ rank }) => rank)) },
    seed: 1,
    device: 'cpu',
  }
}

/** |B A - expected| and |expected| of a module in a file that was written. */
export function distanceTo(
  expected: Rows,
  written: ReadonlyMap<string, Tensor>,
  module: string,
): { readonly difference: number; readonly norm: number } {
  const [a, b] = [written.get(factorName(module, 'A'))!, written.get(factorName(module, 'B'))!]
  const rank = a.shape[0] ?? 0
  let difference = 0
  let norm = 0
  expected.forEach((row, i) =>
    row.forEach((value, j) => {
      let sum = 0
      for (let k = 0; k < rank; k++) sum += b.data[i * rank + k]! * a.data[k * row.length + j]!
      difference += (sum - value) ** 2
      norm += value ** 2
    }),
  )
  return { difference: Math.sqrt(difference), norm: Math.sqrt(norm) }
}

function tensorsOf(module: string, { a, b }: { readonly a: Rows; readonly b: Rows }): readonly (readonly [string, Tensor])[] {
  return [
    [factorName(module, 'A'), tensorOf(a)],
    [factorName(module, 'B'), tensorOf(b)],
  ]
}

function tensorOf(rows: Rows): Tensor {
  return { dtype: 'F32', shape: [rows.length, rows[0]?.length ?? 0], data: Float64Array.from(rows.flat()) }
}
