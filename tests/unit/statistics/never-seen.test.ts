import { describe, expect, test } from 'vitest'
import { compareArms, type ComparedArm } from '../../../src-main/plans/compare-arms.ts'
import { examplesToRuleOut, unseenShare, widenUnseen } from '../../../src-main/statistics/never-seen.ts'

describe('what n equal outcomes cannot rule out', () => {
  // Exact limits of Clopper and Pearson for no success in n, two-sided 95 %.
  test.each([
    [10, 0.3085],
    [30, 0.1157],
    [100, 0.0362],
    [300, 0.0122],
  ])('%i examples: %f', (n, share) => expect(unseenShare(n)).toBeCloseTo(share, 4))

  test('so many rule out the margin, and one fewer does not', () => {
    const needed = examplesToRuleOut(0.02)
    expect(needed).toBe(183)
    expect(unseenShare(needed)).toBeLessThan(0.02)
    expect(unseenShare(needed - 1)).toBeGreaterThan(0.02)
  })

  test('no example rules out nothing', () => expect(unseenShare(0)).toBe(1))

  test('the ends stay within the bounds', () => {
    expect(widenUnseen(1, 300, [0, 1])).toEqual({ value: 1, low: 1 - unseenShare(300), high: 1 })
    expect(widenUnseen(0, 100, [-1, 1])).toEqual({ value: 0, low: -unseenShare(100), high: unseenShare(100) })
  })
})

describe('arms that agree on every example', () => {
  const arms = (n: number): readonly ComparedArm[] => {
    const exampleIds = Array.from({ length: n }, (_, index) => String(index))
    const all = (value: number) => new Map([['task', { exampleIds, bySeed: [exampleIds.map(() => value)] }]])
    return [
      { id: 'base', role: 'base', tasks: all(0) },
      { id: 'own', role: 'own', tasks: all(1) },
      { id: 'merged', role: 'mergedWithOwn', tasks: all(1) },
    ]
  }
  const outcome = (n: number) => compareArms(arms(n), 'base', 0.02).verdicts[0]?.verdict.outcome

  test('300 of them show that there is nothing to measure, 100 do not', () => {
    expect(outcome(300)).toBe('train')
    expect(outcome(100)).toBe('undecided')
  })

  test('an arm that is always right has an interval, and so has its difference', () => {
    const { estimates, comparisons } = compareArms(arms(300), 'base', 0.02)
    expect(estimates.find(({ arm }) => arm === 'own')?.interval).toEqual({ value: 1, low: 1 - unseenShare(300), high: 1 })
    expect(comparisons.find(({ arm }) => arm === 'own')?.interval).toEqual({ value: 1, low: 1 - unseenShare(300), high: 1 })
  })
})
