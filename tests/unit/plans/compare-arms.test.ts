import { expect, test } from 'vitest'
import { compareArms, type ComparedArm } from '../../../src-main/plans/compare-arms.ts'
import type { ArmRole } from '../../../src-main/contract/plan.ts'

const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `e${index}`)
/** The first so many of the examples right. */
const right = (correct: number, count: number): readonly number[] => Array.from({ length: count }, (_, index) => (index < correct ? 1 : 0))

function arm(id: string, correct: Readonly<Record<string, readonly number[]>>, role: ArmRole | null = null, count = 100): ComparedArm {
  const tasks = Object.entries(correct).map(
    ([task, bySeed]) => [task, { exampleIds: ids(count), bySeed: bySeed.map((number) => right(number, count)) }] as const,
  )
  return { id, role, tasks: new Map(tasks) }
}

test('estimates, differences, exact tests and tallies against one arm', () => {
  const { estimates, comparisons, tallies, problems } = compareArms(
    [arm('base', { one: [40], two: [50] }), arm('own', { one: [60], two: [50] }), arm('merge', { one: [41], two: [20] })],
    'base',
    0.02,
  )
  expect(problems).toEqual([])
  expect(estimates.find((entry) => entry.arm === 'own' && entry.task === null)).toMatchObject({
    examples: 200,
    seeds: 1,
    interval: { value: 0.55 },
  })
  const own = comparisons.find((entry) => entry.arm === 'own' && entry.task === 'one')
  expect(own?.interval.value).toBeCloseTo(0.2, 12)
  expect(own?.interval.low).toBeGreaterThan(0)
  // 20 to 0 among those that disagree: 2 / 2^20; Holm over two arms doubles the smaller.
  expect(own?.pValue).toBeCloseTo(2 / 2 ** 20, 12)
  expect(own?.adjusted).toBeCloseTo(4 / 2 ** 20, 12)
  expect(own?.detectable).toBeCloseTo(2.8015852 * Math.sqrt(0.2 / 100), 5)
  expect(tallies).toEqual([
    { arm: 'own', to: 'base', wins: 1, ties: 1, losses: 0 },
    { arm: 'merge', to: 'base', wins: 0, ties: 1, losses: 1 },
  ])
})

test('an arm without seeds is paired with every seed of the other', () => {
  const { comparisons } = compareArms([arm('base', { one: [40] }), arm('own', { one: [50, 70] })], 'base', 0.02)
  expect(comparisons[0]).toMatchObject({ pValue: null })
  expect(comparisons[0]?.interval.value).toBeCloseTo(0.2, 12)
})

test('arms with other examples are refused on that task, and the mean leaves it out', () => {
  const other: ComparedArm = { id: 'own', role: null, tasks: new Map([['one', { exampleIds: ids(99), bySeed: [right(60, 99)] }]]) }
  const { comparisons, problems } = compareArms([arm('base', { one: [40], two: [50] }), other], 'base', 0.02)
  expect(comparisons).toEqual([])
  expect(problems.map(({ severity, where }) => [severity, where?.field, where?.value])).toEqual([['error', 'arms.own', 'one']])
})

test('fewer than 30 test examples are called an anecdote', () => {
  const { problems } = compareArms([arm('base', { one: [4] }, null, 12), arm('own', { one: [8] }, null, 12)], 'base', 0.02)
  expect(problems.map(({ code, severity }) => [code, severity])).toEqual([['task-small', 'warning']])
})

test('the verdict is that of the roles, on each task and over all', () => {
  const roles = { base: 40, own: 60, mergedWithOwn: 80, retuned: 61, randomWithOwn: 62 } as const
  const arms = Object.entries(roles).map(([role, correct]) => arm(role, { one: [correct], two: [correct] }, role as ArmRole))
  const { verdicts } = compareArms(arms, 'base', 0.02)
  expect(verdicts.map(({ task, verdict }) => [task, verdict.outcome, verdict.rule])).toEqual([
    ['one', 'recycling-helps', 4],
    ['two', 'recycling-helps', 4],
    [null, 'recycling-helps', 4],
  ])
})

test('arms are paired over the seeds that both have, whatever their order', () => {
  const on = (id: string, seeds: readonly number[] | null, bySeed: readonly (readonly number[])[]): ComparedArm => ({
    ...{ id, role: null },
    tasks: new Map([['one', { exampleIds: ids(100), bySeed, seeds }]]),
  })
  const base = on('base', [1, 2, 3], [right(40, 100), right(50, 100), right(0, 100)])
  const { comparisons, estimates } = compareArms(
    [base, on('own', [2, 1], [right(70, 100), right(50, 100)]), on('other', [4], [right(1, 100)]), on('free', null, [right(30, 100)])],
    'base',
    0.02,
  )
  // Seed 1: 50 - 40, seed 2: 70 - 50.
  expect(comparisons.map(({ arm, interval }) => [arm, Math.round(interval.value * 1000) + 0])).toEqual([
    ['own', 150],
    ['free', 0],
  ])
  expect(estimates.map(({ arm, seeds }) => [arm, seeds])).toEqual([
    ['base', 3],
    ['own', 2],
    ['other', 1],
    ['free', 1],
  ])
})
