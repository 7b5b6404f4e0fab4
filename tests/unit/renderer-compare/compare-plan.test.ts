import { expect, test } from 'vitest'
import { readPlan } from '../../../src-main/plans/read-plan.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import { detectableWords, nameInPlan, planSentence, seedsOf, seedsText } from '../../../src-renderer/state/compare-plan.ts'

test('seeds are read as numbers and ranges, each once', () => {
  expect(seedsOf('1, 2,3')).toEqual([1, 2, 3])
  expect(seedsOf(' 4-6 5 ')).toEqual([4, 5, 6])
  expect(seedsOf('1-100')).toHaveLength(100)
})

test.each(['', 'one', '-1', '1.5', '5-3', '0-100', '9007199254740993'])('%j are no seeds', (text) => {
  expect(seedsOf(text)).toBeNull()
})

test.each([[[1]], [[1, 2]], [[1, 2, 3]], [[5, 1, 9]]])('seeds %j come back as they were typed', (seeds) => {
  expect(seedsOf(seedsText(seeds))).toEqual(seeds)
})

test('three seeds that follow each other are a range', () => {
  expect([seedsText([1, 2, 3]), seedsText([1, 2]), seedsText([1, 3, 4])]).toEqual(['1-3', '1, 2', '1, 3, 4'])
})

test('a plan names what has a name of its own by it, and everything else by id', () => {
  const all = [
    { id: 'a', name: 'travel' },
    { id: 'b', name: 'travel' },
    { id: 'c', name: 'stars' },
  ]
  expect(all.map((item) => nameInPlan(item, all))).toEqual(['a', 'b', 'stars'])
})

test('one line says what a plan will do', () => {
  const { plan } = readPlan({
    ...{ version: 1, title: 'A', base: 'demo', tasks: ['one', 'two'], budgets: [10, null], seeds: [1, 2], arms: planPresets[0]!.plan.arms },
  })
  const check = {
    cells: Array.from({ length: 50 }, (_, index) => ({ id: String(index), arm: 'base', needs: [] })),
    pool: 19,
    device: 'CPU',
  }
  expect(planSentence(plan!, { ...check, etaSeconds: 200 })).toBe(
    'Runs 7 arms on 2 tasks with 10 and all labelled examples over 2 seeds and a pool of 19 adapters: 50 jobs, one after the other on CPU; about 3 min 20 s.',
  )
  expect(planSentence({ ...plan!, seeds: [1] }, { ...check, pool: 0, device: '', etaSeconds: null })).toBe(
    'Runs 7 arms on 2 tasks with 10 and all labelled examples and no pool: 50 jobs, one after the other; time not known before the first run on this device.',
  )
})

test('what a test can show stands beside what it cannot', () => {
  expect(detectableWords(300, 0.0612, 0.02)).toBe('300 rows can show 6.1 points, not 2')
  expect(detectableWords(40, 0.198, 0.02)).toBe('40 rows can show 20 points, not 2')
  expect(detectableWords(9000, 0.011, 0.02)).toBe('9,000 rows can show 2 points')
  expect(detectableWords(1, null, 0.02)).toBe('1 test example: too few for an interval')
})
