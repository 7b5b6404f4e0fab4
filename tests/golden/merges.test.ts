/**
 * Merges against PEFT's add_weighted_adapter (make_golden.py). Every case of the folder that a method covers is run through the addon and
 * compared per module, once from a job written here and once from a recipe. The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on the checked-in values.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ParamValues } from '../../src-main/contract/params.ts'
import type { ResolvedContribution, ResolvedMergeJob, ResolvedModule } from '../../src-main/contract/recipe.ts'
import { readPeftAdapter, relativeDifference, type Update } from '../helpers/peft.ts'
import { readSafetensors } from '../helpers/safetensors.ts'
import { mergeUpdates } from '../unit/identities/merge-updates.ts'
import { makePool } from '../unit/recipes/pool.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')

interface GoldenCase {
  readonly adapters: readonly string[]
  readonly weights: readonly number[]
  readonly options: { readonly svd_rank?: number; readonly density?: number }
}
const cases = JSON.parse(readFileSync(join(folder, 'merges/cases.json'), 'utf8')) as Readonly<Record<string, GoldenCase>>

interface Cover {
  readonly method: string
  readonly cut: boolean
  readonly tolerance: number
  readonly params?: (options: GoldenCase['options']) => ParamValues
}

/** PEFT's combination types (options aside) and what reproduces them, with the relative Frobenius difference allowed per module. */
const covered: Readonly<Record<string, readonly Cover[]>> = {
  cat: [
    { method: 'concat', cut: false, tolerance: 1e-5 },
    { method: 'linear', cut: false, tolerance: 1e-5 },
  ],
  cat_rslora: [
    { method: 'concat', cut: false, tolerance: 1e-5 },
    { method: 'linear', cut: false, tolerance: 1e-5 },
  ],
  svd: [{ method: 'linear', cut: true, tolerance: 1e-4 }],
  linear: [{ method: 'peft_linear', cut: false, tolerance: 1e-5 }],
  ties_svd: [{ method: 'ties', cut: true, tolerance: 1e-4, params: ({ density = NaN }) => ({ density, variant: 'count' }) }],
}

/** One adapter of the folder as PEFT reads it. */
interface GoldenAdapter {
  readonly folder: string
  readonly modules: ReadonlyMap<string, Update>
}

function readGoldenAdapter(name: string): GoldenAdapter {
  const adapterFolder = join(folder, 'adapters', name)
  return { folder: adapterFolder, modules: readPeftAdapter(adapterFolder) }
}

/** The resolved job over the union of the adapters' modules; `cutTo` -1 keeps everything. */
function resolvedJob({ method, params }: Cover, golden: GoldenCase, adapters: readonly GoldenAdapter[], cutTo: number): ResolvedMergeJob {
  const names = [...new Set(adapters.flatMap((adapter) => [...adapter.modules.keys()]))].sort()
  const modules = names.map((name): ResolvedModule => {
    const prefix = `base_model.model.${name}`
    const factors = { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` }
    const sources = adapters.flatMap((adapter, index): ResolvedContribution[] => {
      const module = adapter.modules.get(name)
      const coefficient = golden.weights[index] ?? NaN
      return module ? [{ adapter: index, ...factors, rank: module.rank, scaling: module.scaling, coefficient }] : []
    })
    const shape = adapters.flatMap((adapter) => adapter.modules.get(name) ?? [])[0]
    if (!shape) throw new Error(`${name} belongs to no adapter`)
    return { name, in: shape.in, out: shape.out, rank: cutTo, outputA: factors.a, outputB: factors.b, sources }
  })
  const stacked = Math.max(...modules.map((module) => module.sources.reduce((sum, source) => sum + source.rank, 0)))
  return {
    schema: 1,
    kind: 'merge',
    method,
    params: params?.(golden.options) ?? {},
    adapters: adapters.map((adapter, index) => ({
      id: `${index}`,
      name: `${index}`,
      contentHash: '',
      tensorHash: '',
      weightsFile: join(adapter.folder, 'adapter_model.safetensors'),
      params: {},
    })),
    modules,
    output: { dtype: 'float32', rank: cutTo === -1 ? stacked : cutTo },
    seed: 1,
    device: 'cpu',
  }
}

interface Addon {
  startJob(kind: string, request: string, onProgress: (progress: string) => void): { readonly promise: Promise<string> }
}

/** B A of every module of a merged file, in double. */
function writtenUpdates(path: string): Map<string, Float64Array> {
  const tensors = readSafetensors(path)
  const updates = new Map<string, Float64Array>()
  for (const [name, a] of tensors) {
    const module = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1]
    if (module === undefined) continue
    const b = tensors.get(name.replace('.lora_A.', '.lora_B.'))
    if (!b) throw new Error(`${module} has no second factor`)
    const [rank = 0, inputs = 0] = a.shape
    const [out = 0] = b.shape
    const delta = new Float64Array(out * inputs)
    for (let i = 0; i < out; i++)
      for (let k = 0; k < rank; k++)
        for (let j = 0; j < inputs; j++) delta[i * inputs + j]! += b.data[i * rank + k]! * a.data[k * inputs + j]!
    updates.set(module, delta)
  }
  expect(tensors.size).toBe(2 * updates.size)
  return updates
}

/** Every module of the golden file is there, and differs by less than `tolerance`. */
function expectAgreement(updates: ReadonlyMap<string, Float64Array>, name: string, tolerance: number): void {
  const expected = readSafetensors(join(folder, 'merges', `${name}.safetensors`))
  expect([...updates.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [module, delta] of expected) expect(relativeDifference(updates.get(module)!, delta.data), module).toBeLessThan(tolerance)
}

describe('merges agree with PEFT', () => {
  const addon = createRequire(import.meta.url)('@amalgam/native') as Addon
  let scratch = ''
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'amalgam-golden-'))
  })
  afterAll(() => rmSync(scratch, { recursive: true }))

  test('the folder holds cases of every covered type, with positive and negative weights', () => {
    for (const type of Object.keys(covered)) {
      expect(Object.keys(cases)).toEqual(expect.arrayContaining([type, `${type}_negative`]))
      expect(cases[`${type}_negative`]?.weights.some((weight) => weight < 0)).toBe(true)
    }
  })

  for (const [name, golden] of Object.entries(cases)) {
    for (const cover of covered[name.replace(/_negative$/, '')] ?? []) {
      const { method, cut, tolerance, params } = cover
      test(`${method} gives ${name} to ${tolerance}`, async () => {
        const adapters = golden.adapters.map(readGoldenAdapter)
        const job = resolvedJob(cover, golden, adapters, cut ? (golden.options.svd_rank ?? NaN) : -1)
        const outFile = join(scratch, `${name}-${method}.safetensors`)
        await addon.startJob('merge', JSON.stringify({ job, outFile, threads: 2 }), () => {}).promise
        expectAgreement(writtenUpdates(outFile), name, tolerance)
      })

      test(`a recipe of ${method} gives ${name} to ${tolerance}`, async () => {
        const pool = makePool()
        try {
          golden.adapters.forEach((adapter) => pool.addFolder(adapter, join(folder, 'adapters', adapter)))
          const { updates } = await mergeUpdates(pool, {
            method,
            params: params?.(golden.options) ?? {},
            adapters: golden.adapters.map((adapter, index) => ({ adapter, coefficient: golden.weights[index] ?? NaN })),
            output: { rank: cut ? (golden.options.svd_rank ?? NaN) : method === 'linear' ? 'sum' : 'auto' },
          })
          expectAgreement(new Map([...updates].map(([module, { delta }]) => [module, delta])), name, tolerance)
        } finally {
          pool.close()
        }
      })
    }
  }
})
