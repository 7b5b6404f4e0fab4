import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeCompatibility } from '../../../src-main/recipes/compatibility.ts'
import { recipeText, withResolvedParams } from '../../../src-main/recipes/recipe-text.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { makePool, type Pool } from './pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('four', { r: 4, seed: 1 })
  pool.add('six', { r: 6, seed: 2, targets: ['q_proj', 'v_proj'] })
  pool.add('two', { r: 2, seed: 3, layers: 1 })
  // Two of its seven modules have another rank: 10 in q_proj, 3 in the others of 4: mean (10 + 3 * 6) / 7 = 4.
  pool.add('mixed', { r: 3, seed: 4, ranks: { q_proj: 10 }, config: { rank_pattern: { q_proj: 10 } } })
})
afterAll(() => pool.close())

const resolve = (names: readonly string[], params: object = {}, more: object = {}) =>
  resolveDraft({ method: 'lego', adapters: names.map((adapter) => ({ adapter })), params, ...more }, pool, { device: 'cpu' })

test('a job has numbers: k and the reference rank are the mean rank, rounded only where it must be whole', () => {
  expect(resolve(['four', 'six', 'two']).job?.params).toMatchObject({ k: 4, referenceRank: 4 })
  expect(resolve(['four', 'six', 'six']).job?.params).toMatchObject({ k: 5, referenceRank: 16 / 3 })
  expect(resolve(['two', 'two', 'four', 'two']).job?.params).toMatchObject({ k: 3, referenceRank: 2.5 })
})

test('the rank of an adapter whose modules differ is their mean', () => {
  expect(resolve(['mixed']).job?.params).toMatchObject({ k: 4, referenceRank: 4 })
})

test('"auto" may be written out, and numbers are left as they are', () => {
  expect(resolve(['four', 'six'], { k: 'auto', referenceRank: 'auto' }).fingerprint).toBe(resolve(['four', 'six']).fingerprint)
  expect(resolve(['four', 'six'], { k: 5, referenceRank: 5 }).fingerprint).toBe(resolve(['four', 'six']).fingerprint)
  expect(resolve(['four', 'six'], { k: 3, referenceRank: 0.5 }).job?.params).toMatchObject({ k: 3, referenceRank: 0.5 })
})

test('the seed and every parameter count towards the fingerprint', () => {
  const plain = resolve(['four', 'six']).fingerprint
  expect(resolve(['four', 'six'], {}, { seed: 2 }).fingerprint).not.toBe(plain)
  expect(resolve(['four', 'six'], { restarts: 11 }).fingerprint).not.toBe(plain)
})

test.each([
  ['k', 0],
  ['k', 2.5],
  ['k', 'many'],
  ['referenceRank', 0],
  ['referenceRank', -1],
  ['restarts', 0],
  ['restarts', 101],
  ['features', 'both'],
  ['units', 'svd'],
])('%s = %s is refused', (id, value) => {
  const { job, problems } = resolve(['four', 'six'], { [id]: value })
  expect(job).toBeNull()
  expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject([
    { code: 'parameter-invalid', where: { field: `params.${id}` } },
  ])
})

test('a recipe whose adapters are unknown says so, and nothing about parameters', () => {
  expect(resolve(['nobody']).problems.map(({ code }) => code)).toEqual(['adapter-unknown'])
})

test('the rank of the result: k, or fewer where a module has fewer units, which is said once', () => {
  const { job, problems } = resolve(['six', 'two'], { k: 7 })
  const ranks = new Map(job?.modules.map((module) => [module.name, module.rank]))
  expect(ranks.get('model.layers.0.self_attn.q_proj')).toBe(7)
  expect(ranks.get('model.layers.1.self_attn.q_proj')).toBe(6)
  expect(ranks.get('model.layers.0.mlp.up_proj')).toBe(2)
  expect(job?.output.rank).toBe(7)
  expect(problems).toMatchObject([{ code: 'parameter-invalid', severity: 'warning', where: { field: 'params.k', value: '7' } }])
  expect(problems[0]?.message).toBe(
    'k is 7, but model.layers.0.mlp.down_proj has 2 units in all adapters together, and 6 more modules have fewer than 7 too.',
  )
  expect(resolve(['six', 'two'], { k: 2 }).problems).toEqual([])
})

test('the rank of the result may exceed the sides of a module, and is padded like any other', () => {
  const { job, problems } = resolve(['four', 'mixed', 'six', 'two'], { k: 22 }, { output: { padTo: 'vllm' } })
  expect(job?.modules.find((module) => module.name === 'model.layers.0.self_attn.q_proj')).toMatchObject({ in: 16, rank: 22 })
  expect(job?.output.rank).toBe(32)
  expect(problems.every(({ severity }) => severity === 'warning')).toBe(true)
})

test('output.rank is not the way to choose k', () => {
  expect(resolve(['four'], {}, { output: { rank: 3 } }).problems).toMatchObject([{ code: 'rank-invalid', where: { field: 'output.rank' } }])
})

test('the compatibility line says what the result is', () => {
  const { method, modules, ranks } = resolve(['four', 'six'])
  expect(describeCompatibility(method!, modules, ranks!)[0]).toBe(
    '2 ranks, 2 sets of target modules: 5 means of clustered units, not the sum of the updates',
  )
})

test('the recipe of a job is written with its numbers', () => {
  const { job, recipe } = resolve(['four', 'six', 'six'])
  const text = recipeText(withResolvedParams(recipe!, job!))
  expect(text).toContain('  k: 5\n')
  expect(text).toContain('  referenceRank: 5.333333333333333\n')
  expect(resolveDraft(text, pool, { device: 'cpu' }).fingerprint).toBe(resolve(['four', 'six', 'six']).fingerprint)
})
