import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createPreviewer, type PreviewEngine } from '../../../src-main/recipes/preview.ts'
import { makePool, type Pool } from './pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { r: 2, layers: 1, targets: ['q_proj'], seed: 1 })
  pool.add('b', { r: 4, layers: 1, targets: ['q_proj'], seed: 2 })
})
afterAll(() => pool.close())

const draft = (seed: number, coefficient = 1) => ({ method: 'linear', adapters: [{ adapter: 'a', coefficient }, { adapter: 'b' }], seed })

/** An engine that answers with fixed numbers after a turn of the event loop, and refuses when it is stopped before. */
function handMadeEngine(): PreviewEngine & { readonly calls: number[] } {
  const calls: number[] = []
  return {
    calls,
    async preview(job, _maxBytes, { signal }) {
      calls.push(job.seed)
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (signal.aborted) throw new Refusal([errorProblem('cancelled', 'The work was cancelled.')])
      return { exact: true, modulesUsed: 1, gram: [[4, 3], [3, 9]], modules: [{ name: job.modules[0]!.name, norm: 4, discardedEnergy: 0.6 }] } // prettier-ignore
    },
  }
}
const previewerOf = (engine: PreviewEngine, kept?: number) =>
  createPreviewer({ engine, source: pool, context: { device: 'cpu' }, ...(kept && { kept }) })

test('numbers of the engine become the numbers of the screen', async () => {
  const { problems, compatibility, estimate } = await previewerOf(handMadeEngine()).preview(draft(1))
  expect(problems).toEqual([])
  expect(compatibility[0]).toBe('2 ranks, one set of target modules: cut to rank 4')
  expect(estimate).toMatchObject({ rank: 4, rankSum: 6, modules: 1, exact: true, modulesUsed: 1, sourceNorms: [2, 3] })
  expect(estimate?.cosines[0]?.[1]).toBe(0.5)
  expect(estimate?.mergedNorm).toBeCloseTo(3.2, 12)
  expect(estimate?.keptEnergy).toBeCloseTo(0.64, 12)
  expect(estimate?.keptEnergyByLayer).toEqual([{ layer: 0, keptEnergy: estimate?.keptEnergy }])
  expect(estimate?.fingerprint).toMatch(/^[0-9a-f]{64}$/)
})

test('a refused draft has problems and no numbers, and the engine is not asked', async () => {
  const engine = handMadeEngine()
  const { problems, compatibility, estimate } = await previewerOf(engine).preview(draft(1, NaN))
  expect(problems.map((problem) => problem.code)).toEqual(['coefficient-invalid'])
  expect({ compatibility, estimate, calls: engine.calls }).toEqual({ compatibility: [], estimate: null, calls: [] })
})

test('the newest draft wins: the older call is stopped and says so', async () => {
  const engine = handMadeEngine()
  const previewer = previewerOf(engine)
  const [older, newer] = await Promise.all([previewer.preview(draft(1)), previewer.preview(draft(2))])
  expect(older.estimate).toBeNull()
  expect(older.problems).toMatchObject([{ code: 'cancelled', severity: 'warning' }])
  expect(newer.estimate?.rank).toBe(4)
})

test('the same recipe is not computed again, and only so many are remembered', async () => {
  const engine = handMadeEngine()
  const previewer = previewerOf(engine, 2)
  for (const seed of [1, 2, 1, 3, 1, 2]) await previewer.preview(draft(seed))
  expect(engine.calls).toEqual([1, 2, 3, 2])
})

test('a refusal of the engine is shown, any other failure is thrown', async () => {
  const refusing: PreviewEngine = { preview: () => Promise.reject(new Refusal([errorProblem('native-not-built', 'no g++')])) }
  expect(await previewerOf(refusing).preview(draft(1))).toMatchObject({ problems: [{ code: 'native-not-built' }], estimate: null })
  const broken: PreviewEngine = { preview: () => Promise.reject(new TypeError('a defect')) }
  await expect(previewerOf(broken).preview(draft(1))).rejects.toThrow('a defect')
})
