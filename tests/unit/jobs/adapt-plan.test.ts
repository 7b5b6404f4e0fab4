import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { presets } from '../../../src-main/contract/presets.ts'
import { tunerOf } from '../../../src-main/contract/tuners.ts'
import { planAdaptation } from '../../../src-main/jobs/adapt-plan.ts'
import { adapt, adaptInput, fillBench, openAdaptBench } from './adapt-bench.ts'
import { removeBench, type Bench } from './bench.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let bench: Bench
let baseId: string
let ids: string[]
beforeEach(async () => {
  bench = openAdaptBench({ learned: [], evaluated: [] })
  const filled = await fillBench(bench)
  baseId = filled.baseId
  ids = filled.ids
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

const plan = (input: Partial<AdaptRequestInput>) =>
  planAdaptation(adaptInput({ arm: 'tune', baseId, taskId: 'reviews', ...input } as AdaptRequestInput), bench.adapt)

test('a plan counts examples, coefficients and tokens, and says in words what will happen', async () => {
  const planned = await plan({ params: { selection: 'manual', k: 2, steps: 30 } })
  expect(planned).toMatchObject({
    trainExamples: 12,
    validationExamples: 4,
    skipped: 0,
    noValidation: false,
    pool: 3,
    toScore: 0,
    problems: [],
  })
  // Seven modules in two layers, one coefficient for each and adapter.
  expect(planned.parameters).toBe(28)
  expect(planned.sentence).toBe('Chooses 2 of 3 adapters, then learns 28 coefficients in 30 steps of 8 examples on 12 training examples; 4 others choose the step.') // prettier-ignore
  expect(planned.device).toBe('CPU (none)')
  expect(planned.params).toMatchObject({ selection: 'manual', k: 2, granularity: 'module', l1: 0 })
  const longer = await plan({ params: { selection: 'manual', k: 2, steps: 60 } })
  expect(longer.tokens / planned.tokens).toBeCloseTo(2, 0)
  expect(planned.etaSeconds).toBeNull()
})

test('numbers that are learned follow from granularity, variant and rank', async () => {
  const coefficients = async (granularity: string) => (await plan({ params: { selection: 'manual', k: 2, granularity } })).parameters
  expect([await coefficients('adapter'), await coefficients('layer'), await coefficients('sublayer'), await coefficients('unit')]).toEqual([
    2, 4, 8, 112,
  ])
  const numbers = async (params: Record<string, string | number>) =>
    (await plan({ arm: 'train', params: { rank: 2, ...params } })).parameters
  // Per layer: q 16+16, k 16+8, v 16+8, o 16+16, gate and up 16+24, down 24+16.
  const whole = 2 * 2 * (32 + 24 + 24 + 32 + 40 + 40 + 40)
  const ofB = 2 * 2 * (16 + 8 + 8 + 16 + 24 + 24 + 16)
  expect(await numbers({})).toBe(whole)
  expect(await numbers({ variant: 'lori_d' })).toBe(ofB)
  expect(await numbers({ variant: 'lori_s', sparsity: 0.75 })).toBe(ofB / 4)
  expect(await numbers({ targets: 'qv' })).toBe(2 * 2 * (32 + 24))
})

test('adapters that are still to be scored are counted until they are known, and learning keeps a rate of its own', async () => {
  const input = { params: { selection: 'evaluation', k: 2, steps: 10 } }
  expect(await plan(input)).toMatchObject({ toScore: 3, pool: 3 })
  await adapt(bench, adaptInput({ arm: 'tune', baseId, taskId: 'reviews', ...input }))
  const after = await plan(input)
  expect(after.toScore).toBe(0)
  // 100 tokens in one second, by the script.
  expect(bench.library.runs.rate('CPU (none), learning', baseId)).toBe(100)
  expect(after.etaSeconds).toBeCloseTo(after.tokens / 100, 6)
})

test('a budget without validation examples, and a pool with adapters of another base model, are said', async () => {
  const other = (await bench.add('other', { shape: { hidden: 12, intermediate: 20, keyValue: 4 } })).id!
  const planned = await plan({ budget: 10, pool: [ids[0]!, other], params: { selection: 'manual' } })
  expect(planned).toMatchObject({ trainExamples: 10, validationExamples: 0, noValidation: true, pool: 1 })
  expect(planned.unfit).toMatchObject([{ adapterId: other, name: 'other' }])
  expect(planned.problems.map(({ code, severity }) => [code, severity])).toEqual([
    ['no-validation', 'warning'],
    ['adapter-other-base', 'warning'],
  ])
  const refused = await plan({ pool: [other], params: { selection: 'manual' } })
  expect(refused.problems.map(({ code }) => code)).toEqual(['pool-empty'])
  expect(refused.params).toMatchObject({ selection: 'manual' })
})

test('every preset of tuning and training makes a plan, with its values over the defaults', async () => {
  for (const { id, arm, values } of presets.filter((preset) => preset.arm !== 'search')) {
    const planned = await plan({ arm, preset: id, ownId: ids[2]! })
    expect([id, planned.problems.filter(({ severity }) => severity === 'error')]).toEqual([id, []])
    expect(planned.params).toMatchObject(values)
    expect(Object.keys(planned.params).toSorted()).toEqual(tunerOf(arm).params.map((param) => param.id).toSorted()) // prettier-ignore
    expect(planned.sentence.length).toBeGreaterThan(20)
  }
})

test('controls say what they do', async () => {
  const sentence = async (control: AdaptRequestInput['control'], params: Record<string, unknown> = { selection: 'manual' }) =>
    (await plan({ control, ownId: ids[2]!, params })).sentence
  expect(await sentence('random_parameters')).toContain('replaces them by random numbers of the same deviations')
  expect(await sentence('retuned_own', {})).toContain('Chooses three, then learns 14 coefficients')
  expect(await sentence('zero_coefficients')).toContain('at coefficient 0 with the base model, answer for answer')
  expect(await sentence('own_alone', {})).toContain('Sends three through the merge')
})
