import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { makePool, type Pool } from './pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { r: 4, seed: 1, targets: ['q_proj', 'k_proj'], layers: 1 })
  pool.add('b', { r: 6, seed: 2, targets: ['q_proj'], layers: 1 })
  pool.add('big', { r: 300, seed: 3, targets: ['q_proj'], layers: 1 })
})
afterAll(() => pool.close())

const q = 'model.layers.0.self_attn.q_proj'
const k = 'model.layers.0.self_attn.k_proj'

/** Kept ranks by module and the written rank of a and b merged. */
function ranks(method: string, output: object, names = ['a', 'b']) {
  const { job, problems } = resolveDraft({ method, adapters: names.map((adapter) => ({ adapter })), output }, pool, { device: 'cpu' })
  const kept = Object.fromEntries((job?.modules ?? []).map((module) => [module.name, module.rank]))
  return { kept, written: job?.output.rank, problems: problems.map((problem) => `${problem.severity} ${problem.code}`), first: problems[0] }
}

test('auto is the largest source rank for a method that cuts', () => {
  expect(ranks('linear', {})).toMatchObject({ kept: { [q]: 6, [k]: 4 }, written: 6, problems: [] })
})

test('a chosen rank cuts each module to it, and never keeps more than the module holds', () => {
  expect(ranks('linear', { rank: 5 })).toMatchObject({ kept: { [q]: 5, [k]: 4 }, written: 5, problems: [] })
  expect(ranks('average', { rank: 1 })).toMatchObject({ kept: { [q]: 1, [k]: 1 }, written: 1, problems: [] })
})

test('sum keeps everything: as numbers for a method that cuts, as -1 for one that concatenates', () => {
  expect(ranks('linear', { rank: 'sum' })).toMatchObject({ kept: { [q]: 10, [k]: 4 }, written: 10, problems: [] })
  expect(ranks('concat', { rank: 'sum' })).toMatchObject({ kept: { [q]: -1, [k]: -1 }, written: 10, problems: [] })
  expect(ranks('concat', {})).toMatchObject({ kept: { [q]: -1, [k]: -1 }, written: 10, problems: [] })
})

test('the smaller side of a module bounds its rank; concatenating does not care', () => {
  expect(ranks('linear', { rank: 'sum' }, ['a', 'b', 'big'])).toMatchObject({ kept: { [q]: 16, [k]: 4 }, written: 16 })
  expect(ranks('concat', {}, ['a', 'b', 'big'])).toMatchObject({ written: 310 })
})

test('more than there is: clipped, with a warning', () => {
  expect(ranks('linear', { rank: 64 })).toMatchObject({ kept: { [q]: 10, [k]: 4 }, written: 10, problems: ['warning rank-invalid'] })
  expect(ranks('linear', { rank: 64 }).first?.message).toBe(
    'output.rank is 64, but the adapters hold at most 10 ranks together; 10 are written.',
  )
})

test.each([0, -1, 2.5, 4097, Infinity, NaN])('rank %s is refused', (rank) => {
  expect(ranks('linear', { rank })).toMatchObject({
    problems: ['error rank-invalid'],
    first: { where: { field: 'output.rank', value: String(rank) }, allowed: ['a whole number from 1 to 4096', 'sum', 'auto'] },
  })
})

test('rank 4096 is the largest that may be asked for', () => {
  expect(ranks('linear', { rank: 4096 }).problems).toEqual(['warning rank-invalid'])
})

test('a method with a rank of its own refuses another, and says what it is here', () => {
  expect(ranks('concat', { rank: 5 })).toMatchObject({ problems: ['error rank-invalid'], first: { allowed: ['auto', 'sum'] } })
  expect(ranks('concat', { rank: 5 }).first?.message).toBe(
    'output.rank is 5, but the rank of Concatenate (exact) is always the sum of the ranks of its adapters, here 10.',
  )
  expect(ranks('peft_linear', { rank: 'sum' }, ['a', 'a']).first).toMatchObject({ code: 'adapter-repeated' })
  expect(ranks('peft_linear', { rank: 'sum' }, ['a']).first?.message).toBe(
    'output.rank is "sum", but the rank of PEFT linear (factor sums) is always the common rank of its adapters, here 4.',
  )
  expect(ranks('peft_linear', {}, ['a'])).toMatchObject({ kept: { [q]: 4, [k]: 4 }, written: 4, problems: [] })
  expect(ranks('lorahub', {})).toMatchObject({ kept: { [q]: 6, [k]: 4 }, written: 6, problems: [] })
  expect(ranks('lorahub', { rank: 5 }).first?.message).toBe(
    'output.rank is 5, but the rank of LoraHub (factor sums) is always the largest rank of its adapters, here 6.',
  )
})

test('padTo vllm rounds the written rank up, and the kept ranks stay', () => {
  expect(ranks('linear', { padTo: 'vllm' })).toMatchObject({ kept: { [q]: 6, [k]: 4 }, written: 8 })
  expect(ranks('concat', { padTo: 'vllm' })).toMatchObject({ written: 16 })
  expect(ranks('concat', { padTo: 'vllm' }, ['a', 'b', 'big'])).toMatchObject({ written: 320 })
  expect(ranks('linear', { rank: 1, padTo: 'vllm' })).toMatchObject({ written: 1 })
})

test('above what vLLM accepts padding is refused', () => {
  expect(ranks('concat', { padTo: 'vllm' }, ['big', 'big'])).toMatchObject({ problems: ['warning adapter-repeated', 'error rank-invalid'] })
})

test('a method that works entry by entry has a result of full rank: any number up to the smaller side, and no sum', () => {
  expect(ranks('ties', {})).toMatchObject({ kept: { [q]: 6, [k]: 6 }, written: 6, problems: [] })
  expect(ranks('ties', { rank: 12 })).toMatchObject({ kept: { [q]: 12, [k]: 8 }, written: 12, problems: [] })
  expect(ranks('ties', { rank: 'sum' })).toMatchObject({
    kept: {},
    problems: ['error rank-invalid'],
    first: { where: { field: 'output.rank' }, message: expect.stringContaining('full rank') },
  })
})
