import { expect, test } from 'vitest'
import { selectionIds, selectionOf, type SelectionId } from '../../../src-main/contract/selection.ts'
import { strategies } from '../../../src-main/selection/index.ts'
import type { CandidateFacts } from '../../../src-main/selection/strategy.ts'

const nothing: CandidateFacts = { rank: 8, draw: 0.25, metric: null, loss: null, gradient: null, similarity: null, missing: 'why not' }

// C = [[1, -2], [3, 0]] and T = [[2, 1], [1, 4]] in one module, C = [[2]] and T = [[-3]] in another, T = [[1]] alone in a third:
// products 2, -2, 3, 0 | -6 | 0; squares of C 1, 4, 9, 0, 4, of T 4, 1, 1, 16, 9, 1.
const similarity = {
  dot: -3,
  modules: [3, -6, 0],
  norm2: 18,
  queryNorm2: 32,
  clampSum: 5,
  absSum: 13,
  squaresDot: 4 + 4 + 9 + 0 + 36,
  squaresNorm2: 1 + 16 + 81 + 16,
  querySquaresNorm2: 16 + 1 + 1 + 256 + 81 + 1,
}

const worked: Readonly<Partial<Record<SelectionId, readonly [facts: Partial<CandidateFacts>, value: number]>>> = {
  random: [{}, 0.25],
  rank: [{}, 8],
  evaluation: [{ metric: { value: 0.7, direction: 'higher' } }, 0.7],
  loss: [{ loss: 1.5 }, -1.5],
  gradient: [{ gradient: { sum: -0.6, updateNorm: 3 } }, 0.2],
  cosine: [{ similarity }, -3 / 24],
  clamp: [{ similarity }, 5 / 24],
  clamp_per_module: [{ similarity }, 3 / 24],
  abs: [{ similarity }, 13 / 24],
  // (53 / sqrt(114 * 356))^(1/2)
  quasi_fisher: [{ similarity }, 0.5129195],
  // -log(1 + 18 + 32 + 6)
  l2: [{ similarity }, -4.0430513],
}

test.each(selectionIds.filter((id) => strategies[id].value !== null))('%s: the value worked out by hand', (id) => {
  const [facts, value] = worked[id]!
  expect(strategies[id].value!({ ...nothing, ...facts })).toBeCloseTo(value, 6)
})

test('a metric of which less is better is turned', () => {
  const metric = { value: 2.5, direction: 'lower' } as const
  expect(strategies.evaluation.value!({ ...nothing, metric })).toBe(-2.5)
})

test('a cosine of updates that are 0 is 0, and the distance of an update to itself', () => {
  const zero = { ...similarity, dot: 0, modules: [0], norm2: 0, clampSum: 0, absSum: 0, squaresDot: 0, squaresNorm2: 0 }
  for (const id of ['cosine', 'clamp', 'clamp_per_module', 'abs', 'quasi_fisher'] as const) {
    expect(strategies[id].value!({ ...nothing, similarity: zero })).toBe(0)
  }
  const same = { ...similarity, dot: 18 + 1e-15, norm2: 18, queryNorm2: 18 }
  expect(strategies.l2.value!({ ...nothing, similarity: same })).toBeCloseTo(0, 12)
})

test('a strategy has no value where its facts are missing, and says what it needs as the registry does', () => {
  for (const id of selectionIds) {
    const { needs, value, takesAll } = strategies[id]
    const { cost } = selectionOf(id)
    if (needs !== 'nothing') expect(value!(nothing)).toBeNull()
    expect({ nothing: 'none', metric: 'model', loss: 'model', gradient: 'model', factors: 'factors', dense: 'dense' }[needs]).toBe(cost)
    expect(selectionOf(id).needs.query).toBe(cost === 'factors' || cost === 'dense')
    expect(selectionOf(id).needs.examples).toBe(cost === 'model')
    expect(takesAll === true).toBe(id === 'all')
  }
})

test('sums of entries that were not formed are a defect, not a value', () => {
  const unformed = { ...similarity, clampSum: null, absSum: null, squaresDot: null, squaresNorm2: null, querySquaresNorm2: null }
  for (const id of ['clamp', 'abs', 'quasi_fisher'] as const) {
    expect(() => strategies[id].value!({ ...nothing, similarity: unformed })).toThrow('not formed')
  }
})
