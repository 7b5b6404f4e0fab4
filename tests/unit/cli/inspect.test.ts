import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import type { AdapterInspection, Similarity } from '../../../src-main/contract/inspection.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]

beforeAll(async () => {
  makeAdapter(join(folder, 'pool/one'), { seed: 1, layers: 1 })
  makeAdapter(join(folder, 'pool/other'), { seed: 2, layers: 1, r: 2 })
  expect((await runCli(['import', join(folder, 'pool'), ...inLibrary])).code).toBe(0)
})

test('one adapter: its modules with spectra, and the verdict', async () => {
  const { code, json } = await runCli(['inspect', 'one', ...inLibrary, '--json'])
  expect(code).toBe(0)
  const { adapters } = json<{ adapters: AdapterInspection[] }>()
  expect(adapters).toMatchObject([{ name: 'one', modules: { length: 7 } }])
  expect(adapters[0]!.modules[0]!.singularValues).toHaveLength(4)
  const shown = await runCli(['inspect', 'one', ...inLibrary])
  expect(shown.out).toContain(adapters[0]!.detector!.verdict)
  expect(shown.out).toContain('model.layers.0.self_attn.q_proj')
})

test('--compare prints the cosines, and does not compare again what is known', async () => {
  const { code, json } = await runCli(['inspect', 'one', 'other', '--compare', ...inLibrary, '--json'])
  expect(code).toBe(0)
  const { similarity, result } = json<{ similarity: Similarity; result: unknown }>()
  expect(result).toEqual({ adapters: 2, leftOut: 0, pairs: 1, knownBefore: 0, compared: 1 })
  const cosine = similarity.cosines[0]![1]!
  expect(similarity.cosines).toEqual([
    [1, cosine],
    [cosine, 1],
  ])
  const again = await runCli(['inspect', 'one', 'other', '--compare', ...inLibrary])
  expect(again.code).toBe(0)
  expect(again.out).toContain(cosine.toFixed(3))
})

test('unknown adapters are refused by name', async () => {
  const { code, json } = await runCli(['inspect', 'nobody', ...inLibrary, '--json'])
  expect(code).toBe(1)
  expect(json()).toMatchObject({ problems: [{ code: 'adapter-unknown' }] })
})
