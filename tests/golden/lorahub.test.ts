/**
 * LoraHub against values that reference/make_lorahub.py computed in float64 on dictionaries of tensors, as its release does: equal and unlike ranks,
 * missing modules, scalings, a common sign. The whole update is compared.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ResolvedMergeJob } from '../../src-main/contract/recipe.ts'
import { createEngine } from '../../src-main/engine/engine.ts'
import { readSafetensors, writeSafetensors, type Tensor } from '../helpers/safetensors.ts'

type Rows = readonly (readonly number[])[]
interface LorahubCase {
  readonly name: string
  readonly coefficients: readonly number[]
  readonly adapters: readonly { readonly scaling: number; readonly modules: Readonly<Record<string, { readonly a: Rows; readonly b: Rows }>> }[]
  readonly expected: Readonly<Record<string, { readonly rank: number; readonly update: Rows }>>
}
const record = JSON.parse(readFileSync(join(import.meta.dirname, 'reference/lorahub.json'), 'utf8')) as {
  readonly shapes: Readonly<Record<string, readonly [number, number]>>
  readonly cases: readonly LorahubCase[]
}

const tensorName = (module: string, factor: 'A' | 'B') => `base_model.model.${module}.lora_${factor}.weight`

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-lorahub-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

function tensorOf(rows: Rows): Tensor {
  return { dtype: 'F32', shape: [rows.length, rows[0]?.length ?? 0], data: Float64Array.from(rows.flat()) }
}

/** Writes the adapters of a case and the job over them. */
function jobOf(reference: LorahubCase): ResolvedMergeJob {
  const files = reference.adapters.map((adapter, index) => {
    const path = join(scratch, `${index}.safetensors`)
    const tensors = Object.entries(adapter.modules).flatMap(([module, { a, b }]) => [
      [tensorName(module, 'A'), tensorOf(a)] as const,
      [tensorName(module, 'B'), tensorOf(b)] as const,
    ])
    writeSafetensors(path, new Map(tensors))
    return path
  })
  return {
    schema: 1,
    kind: 'merge',
    method: 'lorahub',
    params: {},
    adapters: files.map((weightsFile, index) => ({
      id: `${index}`,
      name: `${index}`,
      contentHash: `${index}`,
      tensorHash: `${index}`,
      weightsFile,
      params: {},
    })),
    modules: Object.entries(reference.expected).map(([name, { rank }]) => ({
      name,
      in: record.shapes[name]![1],
      out: record.shapes[name]![0],
      rank,
      outputA: tensorName(name, 'A'),
      outputB: tensorName(name, 'B'),
      sources: reference.adapters.flatMap(({ scaling, modules }, adapter) => {
        const own = modules[name]?.a.length
        const coefficient = reference.coefficients[adapter] ?? NaN
        if (own === undefined) return []
        return [{ adapter, a: tensorName(name, 'A'), b: tensorName(name, 'B'), rank: own, scaling, coefficient }]
      }),
    })),
    output: { dtype: 'float32', rank: Math.max(...Object.values(reference.expected).map(({ rank }) => rank)) },
    seed: 1,
    device: 'cpu',
  }
}

/** |B A - expected|, and |expected|. */
function distance(a: Tensor, b: Tensor, expected: Rows): { readonly difference: number; readonly norm: number } {
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

describe('lorahub agrees with the reference', () => {
  const engine = createEngine({ threads: 2 })

  for (const reference of record.cases) {
    test(reference.name, async () => {
      const outFile = join(scratch, 'merged.safetensors')
      const outcome = await engine.merge(jobOf(reference), outFile, {})
      const written = readSafetensors(outFile)
      for (const [module, { update }] of Object.entries(reference.expected)) {
        const { difference, norm } = distance(written.get(tensorName(module, 'A'))!, written.get(tensorName(module, 'B'))!, update)
        expect(norm, module).toBeGreaterThan(0.1)
        expect(difference, module).toBeLessThanOrEqual(1e-6 * norm)
        const row = outcome.modules.find(({ name }) => name === module)!
        expect(Math.abs(row.norm - norm), module).toBeLessThanOrEqual(1e-6 * norm)
        expect(row.discardedEnergy).toBe(0)
      }
    })
  }

  test('a common sign of all coefficients changes nothing', () => {
    const [one, other] = ['unlike ranks, missing modules, unlike scalings, one negative', 'a common sign changes nothing'].map((name) => record.cases.find((reference) => reference.name === name)!) // prettier-ignore
    expect(other!.coefficients).toEqual(one!.coefficients.map((coefficient) => -coefficient))
    expect(other!.expected).toEqual(one!.expected)
  })
})
