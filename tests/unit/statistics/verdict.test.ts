import { describe, expect, test } from 'vitest'
import type { ArmRole } from '../../../src-main/contract/plan.ts'
import { judge, readDifference, type Verdict } from '../../../src-main/statistics/verdict.ts'

type Values = Partial<Record<ArmRole, number>>

/** Differences of given values with intervals of that reach to both sides. */
function judged(values: Values, reach = 0.01): Verdict {
  return judge((arm, to) => {
    const [one, other] = [values[arm], values[to]]
    if (one === undefined || other === undefined) return null
    return { value: one - other, low: one - other - reach, high: one - other + reach }
  })
}
const paper: Values = { base: 0.467, own: 0.657, merged: 0.652, mergedWithOwn: 0.675, random: 0.609, randomWithOwn: 0.672 }

describe('reading a difference', () => {
  test.each([
    [0.01, 0.05, 'above'],
    [-0.05, -0.01, 'below'],
    [-0.01, 0.03, 'undecided'],
    [-0.01, 0.02, 'undecided'],
    [-0.03, 0.019, 'nothing'],
    [0, 0.01, 'nothing'],
  ] as const)('%s to %s reads as %s', (low, high, reading) => {
    expect(readDifference({ low, high })).toBe(reading)
  })
})

describe('the six rules', () => {
  test('6 comes first: a merge below the base model is not shipped, whatever else holds', () => {
    const verdict = judged({ ...paper, retuned: 0.6, merged: 0.4 })
    expect(verdict).toMatchObject({ outcome: 'harmful', rule: 6, harmful: ['merged'] })
  })
  test('1: not above the own LoRA', () => {
    expect(judged({ ...paper, mergedWithOwn: 0.655, retuned: 0.6 }, 0.005)).toMatchObject({ outcome: 'train', rule: 1 })
  })
  test('2: above the own LoRA but not above it re-tuned', () => {
    expect(judged({ ...paper, retuned: 0.675 })).toMatchObject({ outcome: 'rescaling', rule: 2 })
  })
  test('3: above both, but random parameters do as well', () => {
    expect(judged({ ...paper, retuned: 0.66 }, 0.008)).toMatchObject({ outcome: 'random-as-well', rule: 3 })
  })
  test('4: above random parameters too', () => {
    expect(judged({ ...paper, retuned: 0.66, randomWithOwn: 0.66 })).toMatchObject({ outcome: 'recycling-helps', rule: 4 })
  })
  test('5: without an own LoRA the random control decides', () => {
    const { base, merged, random } = paper
    expect(judged({ base: base!, merged: merged!, random: random! })).toMatchObject({ outcome: 'content-helps', rule: 5 })
    expect(judged({ base: base!, merged: 0.61, random: 0.61 })).toMatchObject({ outcome: 'tuning-only', rule: 5 })
  })
  test('an interval that holds 0 and the margin decides nothing, and the difference is named', () => {
    const verdict = judged({ ...paper, retuned: 0.66 }, 0.02)
    expect(verdict).toMatchObject({ outcome: 'undecided', rule: null, decisive: { arm: 'mergedWithOwn', to: 'own' } })
  })
  test('a missing control is said', () => {
    expect(judged(paper)).toMatchObject({ outcome: 'incomplete', missing: ['retuned'] })
    expect(judged({ base: 0.5, merged: 0.6 })).toMatchObject({ outcome: 'incomplete', missing: ['own', 'random'] })
  })
})
