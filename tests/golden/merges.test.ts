/**
 * Merges against PEFT's add_weighted_adapter (make_golden.py). Every case of the folder that a method covers is run through the addon and
 * compared per module. The folder is AMALGAM_GOLDEN when it is set, so nothing here may depend on the checked-in values.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResolvedContribution, ResolvedMergeJob, ResolvedModule } from '../../src-main/contract/recipe.ts'
import { peftRank, peftScaling, type PeftConfig } from '../helpers/peft-rules.ts'
import { readSafetensors, type Tensor } from '../helpers/safetensors.ts'

const folder = process.env['AMALGAM_GOLDEN'] ?? join(import.meta.dirname, 'values')

interface GoldenCase {
  readonly adapters: readonly string[]
  readonly weights: readonly number[]
  readonly options: { readonly svd_rank?: number }
}
const cases = JSON.parse(readFileSync(join(folder, 'merges/cases.json'), 'utf8')) as Readonly<Record<string, GoldenCase>>

/** PEFT's combination types (options aside) and what reproduces them, with the relative Frobenius difference allowed per module. */
const covered: Readonly<Record<string, readonly { readonly method: string; readonly cut: boolean; readonly tolerance: number }[]>> = {
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
}

/** One adapter of the folder as PEFT reads it: per module its factors' names and shapes, and the scaling. */
interface GoldenAdapter {
  readonly weightsFile: string
  readonly modules: ReadonlyMap<string, { readonly a: string; readonly b: string; readonly in: number; readonly out: number; readonly rank: number; readonly scaling: number }>
}

function readGoldenAdapter(name: string): GoldenAdapter {
  const weightsFile = join(folder, 'adapters', name, 'adapter_model.safetensors')
  const config = JSON.parse(readFileSync(join(folder, 'adapters', name, 'adapter_config.json'), 'utf8')) as PeftConfig
  const tensors = readSafetensors(weightsFile)
  const modules = [...tensors.keys()]
    .filter((tensor) => tensor.endsWith('.lora_A.weight'))
    .map((a) => {
      const module = a.replace(/^base_model\.model\./, '').replace(/\.lora_A\.weight$/, '')
      const b = a.replace('.lora_A.', '.lora_B.')
      const [rank = 0, inputs = 0] = tensors.get(a)?.shape ?? []
      const [out = 0] = tensors.get(b)?.shape ?? []
      expect(rank, `${name} ${module}: the rank of the config is that of the tensor`).toBe(peftRank(config, module))
      return [module, { a, b, in: inputs, out, rank, scaling: peftScaling(config, module) }] as const
    })
  return { weightsFile, modules: new Map(modules) }
}

/** The resolved job over the union of the adapters' modules; `cutTo` -1 keeps everything. */
function resolvedJob(method: string, golden: GoldenCase, adapters: readonly GoldenAdapter[], cutTo: number): ResolvedMergeJob {
  const names = [...new Set(adapters.flatMap((adapter) => [...adapter.modules.keys()]))].sort()
  const modules = names.map((name): ResolvedModule => {
    const sources = adapters.flatMap((adapter, index): ResolvedContribution[] => {
      const module = adapter.modules.get(name)
      const coefficient = golden.weights[index] ?? NaN
      return module ? [{ adapter: index, a: module.a, b: module.b, rank: module.rank, scaling: module.scaling, coefficient }] : []
    })
    const shape = adapters.flatMap((adapter) => adapter.modules.get(name) ?? [])[0]
    if (!shape) throw new Error(`${name} belongs to no adapter`)
    return { name, in: shape.in, out: shape.out, rank: cutTo, outputA: `${name}.A`, outputB: `${name}.B`, sources }
  })
  const stacked = Math.max(...modules.map((module) => module.sources.reduce((sum, source) => sum + source.rank, 0)))
  return {
    schema: 1,
    kind: 'merge',
    method,
    params: {},
    adapters: adapters.map(({ weightsFile }, index) => ({ id: `${index}`, name: `${index}`, contentHash: '', tensorHash: '', weightsFile, params: {} })),
    modules,
    output: { dtype: 'float32', rank: cutTo === -1 ? stacked : cutTo },
    seed: 1,
    device: 'cpu',
  }
}

interface Addon {
  startJob(kind: string, request: string, onProgress: (progress: string) => void): { readonly promise: Promise<string> }
}

/** |B A - expected| / |expected|, Frobenius norms, in double. */
function relativeDifference(a: Tensor, b: Tensor, expected: Tensor): number {
  const [rank = 0, inputs = 0] = a.shape
  const [out = 0] = b.shape
  expect(expected.shape).toEqual([out, inputs])
  let difference = 0
  let size = 0
  for (let i = 0; i < out; i++) {
    for (let j = 0; j < inputs; j++) {
      let sum = 0
      for (let k = 0; k < rank; k++) sum += (b.data[i * rank + k] ?? NaN) * (a.data[k * inputs + j] ?? NaN)
      const wanted = expected.data[i * inputs + j] ?? NaN
      difference += (sum - wanted) ** 2
      size += wanted ** 2
    }
  }
  return Math.sqrt(difference / size)
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
    for (const { method, cut, tolerance } of covered[name.replace(/_negative$/, '')] ?? []) {
      test(`${method} gives ${name} to ${tolerance}`, async () => {
        const adapters = golden.adapters.map(readGoldenAdapter)
        const job = resolvedJob(method, golden, adapters, cut ? (golden.options.svd_rank ?? NaN) : -1)
        const outFile = join(scratch, `${name}-${method}.safetensors`)
        await addon.startJob('merge', JSON.stringify({ job, outFile, threads: 2 }), () => {}).promise
        const merged = readSafetensors(outFile)
        const expected = readSafetensors(join(folder, 'merges', `${name}.safetensors`))
        expect(job.modules.map((module) => module.name)).toEqual([...expected.keys()].sort())
        expect(merged.size).toBe(2 * expected.size)
        for (const [module, delta] of expected) {
          const a = merged.get(`${module}.A`)
          const b = merged.get(`${module}.B`)
          if (!a || !b) throw new Error(`${module} was not written`)
          expect(relativeDifference(a, b, delta), module).toBeLessThan(tolerance)
        }
      })
    }
  }
})
