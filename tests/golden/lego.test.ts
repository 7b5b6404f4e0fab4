/**
 * LoRA-LEGO against values that reference/make_lego.py computed in float64 from the rules alone, with the best of all partitions in place of a
 * search; every case goes through a recipe, so automatic parameters, unlike ranks and missing modules are part of it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAdapter, writeConfig } from '../helpers/adapters.ts'
import { norm, readPeftAdapter, relativeDifference } from '../helpers/peft.ts'
import { readSafetensors, writeSafetensors, type Tensor } from '../helpers/safetensors.ts'
import { mergeUpdates } from '../unit/identities/merge-updates.ts'
import { makePool, type Pool } from '../unit/recipes/pool.ts'

type Rows = readonly (readonly number[])[]
interface ReferenceAdapter {
  readonly r: number
  readonly alpha: number
  readonly rslora: boolean
  readonly modules: Readonly<Record<string, { readonly a: Rows; readonly b: Rows }>>
}
interface ReferenceCase {
  readonly name: string
  readonly coefficients: Readonly<Record<string, number>>
  readonly params: Readonly<Record<string, number | string | boolean>>
  /** How much worse the second best partition is, relative to the best; null where there is only one. */
  readonly leastGap: number | null
  readonly expected: Readonly<Record<string, Rows>>
}
const record = JSON.parse(readFileSync(join(import.meta.dirname, 'reference/lego.json'), 'utf8')) as {
  readonly adapters: Readonly<Record<string, ReferenceAdapter>>
  readonly cases: readonly ReferenceCase[]
}

let pool: Pool
beforeAll(() => {
  pool = makePool()
  for (const [name, adapter] of Object.entries(record.adapters)) pool.addFolder(name, writeAdapter(join(pool.folder, name), adapter))
})
afterAll(() => pool.close())

function tensorOf(rows: Rows): Tensor {
  return { dtype: 'F32', shape: [rows.length, rows[0]?.length ?? 0], data: Float64Array.from(rows.flat()) }
}

function writeAdapter(folder: string, { r, alpha, rslora, modules }: ReferenceAdapter): string {
  makeAdapter(folder, { r, alpha, targets: ['q_proj', 'up_proj'], config: { use_rslora: rslora } })
  const tensors = Object.entries(modules).flatMap(([module, { a, b }]) => [
    [`base_model.model.${module}.lora_A.weight`, tensorOf(a)] as const,
    [`base_model.model.${module}.lora_B.weight`, tensorOf(b)] as const,
  ])
  writeSafetensors(join(folder, 'adapter_model.safetensors'), new Map(tensors))
  return folder
}

const recipeOf = ({ coefficients, params }: Pick<ReferenceCase, 'coefficients' | 'params'>, seed = 1) => ({
  method: 'lego',
  adapters: Object.entries(coefficients).map(([adapter, coefficient]) => ({ adapter, coefficient })),
  params,
  seed,
})

describe('the merged updates are those of the reference', () => {
  for (const reference of record.cases) {
    test(reference.name, async () => {
      expect(reference.leastGap ?? 1).toBeGreaterThan(5e-4)
      const { updates, outcome } = await mergeUpdates(pool, recipeOf(reference))
      expect([...updates.keys()].sort()).toEqual(Object.keys(reference.expected).sort())
      for (const [module, rows] of Object.entries(reference.expected)) {
        const expected = rows.flat()
        expect(relativeDifference(updates.get(module)!.delta, expected), module).toBeLessThan(1e-5)
        const reported = outcome.modules.find(({ name }) => name === module)!
        expect(reported.norm / norm(expected)).toBeCloseTo(1, 4)
        expect(reported.discardedEnergy).toBe(0)
      }
    })
  }

  test('where groups are plain, every seed finds them', async () => {
    const reference = record.cases[0]!
    for (const seed of [0, 2, 3, 2 ** 53 - 1]) {
      const { updates } = await mergeUpdates(pool, recipeOf(reference, seed))
      for (const [module, rows] of Object.entries(reference.expected))
        expect(relativeDifference(updates.get(module)!.delta, rows.flat()), module).toBeLessThan(1e-5)
    }
  })
})

/** Writes the adapter again with changed factors. */
function rewrite(from: string, to: string, change: (a: Tensor, b: Tensor) => void): string {
  const folder = join(pool.folder, to)
  makeAdapter(folder)
  const tensors = readSafetensors(join(pool.folder, from, 'adapter_model.safetensors'))
  for (const [name, a] of tensors) {
    const b = tensors.get(name.replace('.lora_A.', '.lora_B.'))
    if (name.includes('.lora_A.') && b) change(a, b)
  }
  writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors)
  const { r, alpha } = record.adapters[from]!
  writeConfig(folder, { peft_type: 'LORA', r, lora_alpha: alpha, target_modules: ['q_proj', 'up_proj'], base_model_name_or_path: 'test/tiny-llama' })
  pool.addFolder(to, folder)
  return to
}

/** Multiplies row `unit` of A by `factor` and column `unit` of B by `otherFactor`. */
function scaleUnit(a: Tensor, b: Tensor, unit: number, factor: number, otherFactor: number): void {
  const [rank = 0, inputs = 0] = a.shape
  for (let j = 0; j < inputs; j++) a.data[unit * inputs + j]! *= factor
  for (let i = unit; i < b.data.length; i += rank) b.data[i]! *= otherFactor
}

describe('the nature of the method: an update written in another way is not recognised (N1)', () => {
  const ways: readonly (readonly [name: string, change: (a: Tensor, b: Tensor) => void])[] = [
    ['signs of units flipped', (a, b) => [0, 2, 3].forEach((unit) => scaleUnit(a, b, unit, -1, -1))],
    ['A times 4, B over 4', (a, b) => [0, 1, 2, 3, 4].forEach((unit) => scaleUnit(a, b, unit, 4, 1 / 4))],
  ]
  for (const [index, [name, change]] of ways.entries()) {
    test(name, async () => {
      const other = rewrite('e', `e-${index}`, change)
      const expected = readPeftAdapter(join(pool.folder, 'e'))
      const same = readPeftAdapter(join(pool.folder, other))
      const stored = await mergeUpdates(pool, recipeOf({ coefficients: { e: 1, [other]: 1 }, params: {} }))
      const canonical = await mergeUpdates(pool, recipeOf({ coefficients: { e: 1, [other]: 1 }, params: { units: 'canonical' } }))
      for (const [module, { delta }] of expected) {
        expect(relativeDifference(same.get(module)!.delta, delta)).toBeLessThan(1e-6)
        expect(relativeDifference(stored.updates.get(module)!.delta, delta), module).toBeGreaterThan(0.05)
        expect(relativeDifference(canonical.updates.get(module)!.delta, delta), module).toBeLessThan(1e-4)
      }
    })
  }
})
