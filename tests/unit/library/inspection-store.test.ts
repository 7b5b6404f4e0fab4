import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { effectiveRankOf, weightedMean } from '../../../src-main/library/effective-rank.ts'
import type { InspectRequest } from '../../../src-main/library/inspection.ts'
import { libraryFile } from '../../../src-main/library/open-library.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { inspectInTypeScript, singularValuesOf } from '../../helpers/inspect.ts'
import { readSafetensors } from '../../helpers/safetensors.ts'
import { openBench, temporaryFolder } from './support.ts'

test('effective ranks of known spectra', () => {
  expect(effectiveRankOf([5])).toBe(1)
  expect(effectiveRankOf([3, 3, 3, 3])).toBeCloseTo(4, 12)
  expect(effectiveRankOf([7, 0, 0])).toBe(1)
  expect(effectiveRankOf([])).toBe(0)
  expect(effectiveRankOf([0, 0])).toBe(0)
  // p = 1/2, 1/4, 1/4: entropy 1.5 ln 2.
  expect(effectiveRankOf([2, 1, 1])).toBeCloseTo(2 ** 1.5, 12)
  expect(weightedMean([{ value: 2, weight: 3 }, { value: 4, weight: 1 }, { value: null, weight: 9 }])).toBe(2.5) // prettier-ignore
  expect(weightedMean([{ value: 0, weight: 0 }])).toBe(0)
  expect(weightedMean([{ value: null, weight: 1 }])).toBeNull()
})

test('an imported adapter has its spectra, their effective ranks and a detector', async () => {
  const bench = openBench()
  const folder = makeAdapter(join(bench.folder, 'pool', 'a'), { r: 4, alpha: 6, layers: 1 })
  const { items } = await bench.take(folder)
  const id = items[0]!.id!
  const { inspections } = bench.library
  const inspection = inspections.get(id)!
  const tensors = readSafetensors(join(folder, 'adapter_model.safetensors'))
  expect(inspection.modules).toHaveLength(7)
  let weights = 0
  let sum = 0
  for (const { name, singularValues, norm, effectiveRank, layer, moduleKind } of inspection.modules) {
    const factor = (part: string) => tensors.get(`base_model.model.${name}.lora_${part}.weight`)!
    const expected = singularValuesOf(factor('A'), factor('B')).map((value) => 1.5 * value)
    expect(singularValues).toHaveLength(4)
    singularValues.forEach((value, index) => expect(value / expected[index]!).toBeCloseTo(1, 5))
    expect(Math.hypot(...singularValues) / norm).toBeCloseTo(1, 5)
    expect(effectiveRank).toBeCloseTo(effectiveRankOf(expected), 4)
    expect([layer, name.endsWith(moduleKind)]).toEqual([0, true])
    sum += norm ** 2 * effectiveRank!
    weights += norm ** 2
  }
  expect(inspection.effectiveRank).toBeCloseTo(sum / weights, 6)
  expect(inspection.detector).toMatchObject({ frozenA: 'gaussian', zerosB: 0 })
  expect(bench.library.adapters.get(id)?.effectiveRank).toBe(inspection.effectiveRank)
  expect(inspections.many([id, 'nobody'], false)).toEqual([{ ...inspection, modules: [] }])
  expect(inspections.many([id], true)).toEqual([inspection])
  expect(inspections.get('nobody')).toBeNull()
  expect(inspections.uninspected()).toEqual([])
})

test('an adapter of zeros has the effective rank 0, one of experts no spectra', async () => {
  const bench = openBench()
  const zero = makeAdapter(join(bench.folder, 'zero'), { edit: (tensors) => new Map([...tensors].map(([name, tensor]) => [name, name.includes('lora_B') ? { ...tensor, data: new Float32Array(tensor.data.length) } : tensor])) }) // prettier-ignore
  const experts = makeAdapter(join(bench.folder, 'experts'), { seed: 2, config: { target_parameters: ['experts.w1'] } })
  const ids = (await bench.take(zero, experts)).items.map(({ id }) => id!)
  const [none, stacked] = bench.library.inspections.many(ids, true)
  expect(none).toMatchObject({ effectiveRank: 0, modules: { length: 14 } })
  expect(
    none!.modules.every(({ effectiveRank, singularValues }) => effectiveRank === 0 && singularValues.every((value) => value === 0)),
  ).toBe(true)
  expect(stacked).toMatchObject({ effectiveRank: null, modules: [], detector: null })
  expect(bench.library.inspections.uninspected()).toEqual([])
})

test('adapters checked before spectra were kept get them at the next start, also when that one was stopped in between', async () => {
  const folder = temporaryFolder()
  const first = openBench({ folder })
  const paths = [1, 2, 3].map((seed) => makeAdapter(join(folder, 'pool', `a${seed}`), { seed, layers: 1 }))
  const ids = (await first.take(...paths)).items.map(({ id }) => id!)
  const before = first.library.inspections.many(ids, true)
  await first.importer.close()
  first.library.close()
  const db = new Database(join(folder, 'library', libraryFile))
  db.exec('UPDATE adapter_modules SET inspection = NULL; UPDATE adapters SET effective_rank = NULL')
  db.close()

  const asked: string[] = []
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const second = openBench({
    folder,
    async inspect(request: InspectRequest, signal) {
      asked.push(request.weightsFile)
      if (asked.length > 1) {
        stop()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true }))
      }
      return inspectInTypeScript(request, signal)
    },
  })
  expect(second.library.inspections.uninspected()).toHaveLength(3)
  expect(second.library.inspections.get(ids[0]!)).toMatchObject({ effectiveRank: null, modules: [], detector: null })
  second.importer.resumeChecks()
  await stopped
  await second.importer.close()
  expect(second.library.inspections.uninspected()).toHaveLength(2)
  second.library.close()

  const third = openBench({ folder })
  third.importer.resumeChecks()
  await expect.poll(() => third.library.inspections.uninspected().length, { timeout: 20000 }).toBe(0)
  expect(third.library.inspections.many(ids, true)).toEqual(before)
  await expect.poll(() => third.changed.filter((id) => ids.includes(id)).length, { timeout: 5000 }).toBeGreaterThanOrEqual(2)
})
