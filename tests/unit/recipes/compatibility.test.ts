import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeCompatibility } from '../../../src-main/recipes/compatibility.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { makePool, type Pool } from './pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { r: 4, alpha: 8, seed: 1 })
  pool.add('same', { r: 4, alpha: 8, seed: 2 })
  pool.add('other', { r: 2, alpha: 2, seed: 3, targets: ['q_proj', 'v_proj'] })
})
afterAll(() => pool.close())

function words(method: string, names: readonly string[], output: object = {}): readonly string[] {
  const {
    method: entry,
    modules,
    ranks,
  } = resolveDraft({ method, adapters: names.map((adapter) => ({ adapter })), output }, pool, { device: 'cpu' })
  return describeCompatibility(entry!, modules, ranks!)
}

test('alike adapters, kept whole', () => {
  expect(words('concat', ['a', 'same'])).toEqual(['rank 4, one set of target modules: exact'])
  expect(words('linear', ['a', 'same'], { rank: 8 })).toEqual(['rank 4, one set of target modules: exact'])
})

test('alike adapters, cut', () => {
  expect(words('linear', ['a', 'same'])).toEqual(['rank 4, one set of target modules: cut to rank 4'])
})

test('unlike adapters are still exact, and it is said what is done about it', () => {
  expect(words('concat', ['a', 'other'])).toEqual([
    '2 ranks, 2 sets of target modules: exact',
    '4 of 14 modules are in every adapter; the others merge from those that have them',
    'scaling from 1 to 2, folded into the factors',
    'ranks from 4 to 6, padded with zeros to 6',
  ])
})

test('sums of factors are named as what they are', () => {
  expect(words('peft_linear', ['a', 'same'])).toEqual(['rank 4, one set of target modules: factor sums, not the sum of the updates'])
})

test('nothing to say without adapters', () => {
  expect(words('linear', ['nobody'])).toEqual([])
})
