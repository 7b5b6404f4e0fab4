import { expect, test } from 'vitest'
import { blockWork, planBlocks, type CompareBlock, type CompareSize } from '../../../src-main/jobs/compare-plan.ts'

const small: CompareSize = { units: 16, sides: 18432 }
const many = (count: number, size = small) => Array.from({ length: count }, () => size)
const pairsOf = ({ left, right }: CompareBlock): string[] =>
  left.flatMap((one, row) => (right ?? left.slice(row + 1)).map((other) => `${Math.min(one, other)}-${Math.max(one, other)}`))
const all = (count: number) =>
  Array.from({ length: count }, (_, one) =>
    Array.from({ length: count - one - 1 }, (_, more): [number, number] => [one, one + more + 1]),
  ).flat()

/** Every open pair lies in exactly one block. */
function checkCovers(count: number, known: readonly (readonly [number, number])[], blocks: readonly CompareBlock[]) {
  const planned = blocks.flatMap(pairsOf)
  const found = new Set(planned)
  expect(found.size).toBe(planned.length)
  const knownNames = new Set(known.map(([one, other]) => `${one}-${other}`))
  const missing = all(count)
    .map(([one, other]) => `${one}-${other}`)
    .filter((name) => !knownNames.has(name) && !found.has(name))
  expect(missing).toEqual([])
}

test('a hundred adapters of rank 16 are one block', () => {
  expect(planBlocks(many(100), [])).toEqual([{ left: Array.from({ length: 100 }, (_, place) => place), right: null }])
})

test('more are cut into blocks of at most a hundred a side, every pair in one of them', () => {
  const blocks = planBlocks(many(250), [])
  expect(blocks.map(({ left, right }) => [left.length, right?.length ?? null])).toEqual([
    [100, null],
    [100, 100],
    [100, 50],
    [100, null],
    [100, 50],
    [50, null],
  ])
  checkCovers(250, [], blocks)
})

test('large ranks make small blocks, so that a module of both sides stays under 0.8 GB', () => {
  const blocks = planBlocks(many(12, { units: 1024, sides: 18432 }), [])
  for (const { left, right } of blocks) {
    const units = 1024 * (left.length + (right?.length ?? 0))
    expect(4 * units * 18432 + 8 * (1024 * left.length) * (1024 * (right ?? left).length)).toBeLessThan(0.8e9)
  }
  checkCovers(12, [], blocks)
  // One adapter alone is never cut.
  expect(planBlocks(many(2, { units: 4096, sides: 60000 }), [])).toEqual([{ left: [0], right: [1] }])
})

test('nothing open, nothing planned', () => {
  expect(planBlocks(many(3), all(3))).toEqual([])
  expect(planBlocks(many(1), [])).toEqual([])
})

test('one new adapter beside a hundred known ones is compared with them alone', () => {
  const known = all(100)
  const blocks = planBlocks(many(101), known)
  expect(blocks).toEqual([{ left: [100], right: Array.from({ length: 100 }, (_, place) => place) }])
})

test('a stopped job goes on with the blocks that are missing', () => {
  const first = planBlocks(many(250), [])
  for (let done = 1; done < first.length; done++) {
    const known = first.slice(0, done).flatMap(pairsOf).map((name) => name.split('-').map(Number) as [number, number]) // prettier-ignore
    const blocks = planBlocks(many(250), known)
    checkCovers(250, known, blocks)
    expect(blocks.reduce((sum, block) => sum + blockWork(block, many(250)), 0)).toBeLessThanOrEqual(
      first.slice(done).reduce((sum, block) => sum + blockWork(block, many(250)), 0),
    )
  }
})

test('open pairs without any order are covered too', () => {
  let state = 1
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647
  for (const share of [0.1, 0.5, 0.9]) {
    const known = all(40).filter(() => next() < share)
    checkCovers(40, known, planBlocks(many(40), known))
  }
})
