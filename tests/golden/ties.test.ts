/**
 * TIES against values that reference/make_ties.py computed in float64 from the rules alone: both variants, unlike ranks, missing modules, equal
 * magnitudes at the threshold, sums of exactly zero. The whole update is compared, written at full rank.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ResolvedMergeJob } from '../../src-main/contract/recipe.ts'
import { createEngine } from '../../src-main/engine/engine.ts'
import { readSafetensors, writeSafetensors, type Tensor } from '../helpers/safetensors.ts'

type Rows = readonly (readonly number[])[]
interface TiesCase {
  readonly name: string
  readonly variant: 'paper' | 'count'
  readonly density: number
  readonly coefficients: readonly number[]
  /** Sign of the sum of all elected signs, where the variant asks for it. */
  readonly ballot: number | null
  /** Entries whose kept values add up to zero. */
  readonly drawn: number
  readonly adapters: readonly { readonly scaling: number; readonly modules: Readonly<Record<string, { readonly a: Rows; readonly b: Rows }>> }[]
  readonly expected: Readonly<Record<string, Rows>>
}
const record = JSON.parse(readFileSync(join(import.meta.dirname, 'reference/ties.json'), 'utf8')) as {
  readonly shapes: Readonly<Record<string, readonly [number, number]>>
  readonly cases: readonly TiesCase[]
}

const fullRank = Math.max(...Object.values(record.shapes).map((sides) => Math.min(...sides)))
const tensorName = (module: string, factor: 'A' | 'B') => `base_model.model.${module}.lora_${factor}.weight`

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'amalgam-ties-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

function tensorOf(rows: Rows): Tensor {
  return { dtype: 'F32', shape: [rows.length, rows[0]?.length ?? 0], data: Float64Array.from(rows.flat()) }
}

/** Writes the adapters of a case and the job over them. */
function jobOf(reference: TiesCase): ResolvedMergeJob {
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
    method: 'ties',
    params: { density: reference.density, variant: reference.variant },
    adapters: files.map((weightsFile, index) => ({
      id: `${index}`,
      name: `${index}`,
      contentHash: `${index}`,
      tensorHash: `${index}`,
      weightsFile,
      params: {},
    })),
    modules: Object.entries(record.shapes).map(([name, [out, inputs]]) => ({
      name,
      in: inputs,
      out,
      rank: Math.min(out, inputs),
      outputA: tensorName(name, 'A'),
      outputB: tensorName(name, 'B'),
      sources: reference.adapters.flatMap(({ scaling, modules }, adapter) => {
        const rank = modules[name]?.a.length
        const coefficient = reference.coefficients[adapter] ?? NaN
        if (rank === undefined) return []
        return [{ adapter, a: tensorName(name, 'A'), b: tensorName(name, 'B'), rank, scaling, coefficient }]
      }),
    })),
    output: { dtype: 'float32', rank: fullRank },
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

describe('ties agrees with the reference', () => {
  const engine = createEngine({ threads: 2 })

  test('the cases hold draws that plus, minus and nobody wins, and draws of variant count', () => {
    const drawn = record.cases.filter((reference) => reference.drawn > 0)
    expect(new Set(drawn.map(({ ballot }) => ballot))).toEqual(new Set([-1, 0, 1, null]))
  })

  for (const reference of record.cases) {
    test(`${reference.variant}: ${reference.name}`, async () => {
      const outFile = join(scratch, 'merged.safetensors')
      const outcome = await engine.merge(jobOf(reference), outFile, {})
      const written = readSafetensors(outFile)
      for (const [module, expected] of Object.entries(reference.expected)) {
        const { difference, norm } = distance(written.get(tensorName(module, 'A'))!, written.get(tensorName(module, 'B'))!, expected)
        expect(difference, module).toBeLessThanOrEqual(1e-6 * norm)
        const row = outcome.modules.find(({ name }) => name === module)!
        expect(Math.abs(row.norm - norm), module).toBeLessThanOrEqual(1e-6 * norm)
        expect(row.discardedEnergy).toBe(0)
      }
    })
  }
})
