import { expect, test } from 'vitest'
import { rankCandidates, type Places } from '../../../src-main/selection/rank-candidates.ts'
import type { CandidateFacts } from '../../../src-main/selection/strategy.ts'

const nothing: CandidateFacts = { rank: 8, draw: 0, metric: null, loss: null, gradient: null, similarity: null, missing: null }
const losses = (...values: readonly (number | null)[]): CandidateFacts[] =>
  values.map((loss) => ({ ...nothing, loss, missing: loss === null ? 'No example was answered.' : null }))
const take = (k: number, more: Partial<Places> = {}): Places => ({ k, ownFirst: false, skip: 0, ...more })
const placesOf = (...given: Parameters<typeof rankCandidates>): (number | null)[] => rankCandidates(...given).map(({ place }) => place)

test('larger values come first, and equal ones in the order of the pool', () => {
  const candidates = losses(2, 1, 3, 1, 2)
  expect(placesOf('loss', candidates, take(5))).toEqual([2, 0, 4, 1, 3])
  expect(rankCandidates('loss', candidates, take(3)).map(({ value, place, reason }) => [value, place, reason])).toEqual([
    [-2, 2, null],
    [-1, 0, null],
    [-3, null, null],
    [-1, 1, null],
    [-2, null, null],
  ])
})

test('a smaller pool is used whole', () => {
  expect(placesOf('loss', losses(2, 1), take(10))).toEqual([1, 0])
  expect(placesOf('loss', [], take(10))).toEqual([])
})

test('one’s own takes the first place and counts as one of the K', () => {
  expect(placesOf('loss', losses(3, 1, 2), take(3, { ownFirst: true }))).toEqual([null, 1, 2])
  expect(placesOf('loss', losses(3, 1, 2), take(1, { ownFirst: true }))).toEqual([null, null, null])
})

test('the best n are left out, and it is said of them', () => {
  const ranked = rankCandidates('loss', losses(3, 1, 2, 4), take(2, { skip: 1 }))
  expect(ranked.map(({ place }) => place)).toEqual([1, null, 0, null])
  expect(ranked.map(({ reason }) => reason)).toEqual([null, 'It is among the best 1, which are left out.', null, null])
  expect(placesOf('loss', losses(3, 1), take(2, { skip: 5 }))).toEqual([null, null])
})

test('who has no finite value is never chosen, is told why, and does not count among the best', () => {
  const ranked = rankCandidates('loss', losses(NaN, 2, null, -Infinity, 1), take(5, { skip: 1 }))
  expect(ranked.map(({ place }) => place)).toEqual([null, 0, null, null, null])
  expect(ranked.map(({ value }) => value)).toEqual([null, -2, null, null, -1])
  expect(ranked.map(({ reason }) => reason)).toEqual([
    'Its value is not a number.',
    null,
    'No example was answered.',
    'Its value is infinite.',
    'It is among the best 1, which are left out.',
  ])
})

test('by hand the pool is taken in its order, up to K; all of it is taken whatever K and the best to leave out', () => {
  const pool = losses(1, 2, 3)
  expect(rankCandidates('manual', pool, take(2))).toEqual([
    { value: null, place: 0, reason: null },
    { value: null, place: 1, reason: null },
    { value: null, place: null, reason: null },
  ])
  expect(placesOf('manual', pool, take(2, { skip: 1, ownFirst: true }))).toEqual([null, 1, null])
  expect(placesOf('all', pool, take(1, { skip: 2 }))).toEqual([0, 1, 2])
  expect(placesOf('all', pool, take(1, { ownFirst: true }))).toEqual([1, 2, 3])
})

test('a random draw goes by the numbers drawn, which are not shown; ranks are', () => {
  const pool = [0.3, 0.9, 0.1].map((draw, index) => ({ ...nothing, draw, rank: 4 * index + 4 }))
  expect(rankCandidates('random', pool, take(2)).map(({ value, place }) => [value, place])).toEqual([[null, 1], [null, 0], [null, null]]) // prettier-ignore
  expect(rankCandidates('rank', pool, take(1)).map(({ value, place }) => [value, place])).toEqual([[4, null], [8, null], [12, 0]]) // prettier-ignore
})
