import { describe, expect, test } from 'vitest'
import { detectableDifference, examplesToDetect } from '../../../src-main/statistics/detectable.ts'
import { holm } from '../../../src-main/statistics/holm.ts'
import { mcnemar } from '../../../src-main/statistics/mcnemar.ts'
import { pairedBootstrap } from '../../../src-main/statistics/paired.ts'
import { createRandom } from '../../../src-main/statistics/random.ts'
import { twoLevelBootstrap } from '../../../src-main/statistics/two-level.ts'

describe('exact McNemar', () => {
  test('known values: binomial tails of 1/2', () => {
    expect(mcnemar(0, 0)).toBe(1)
    expect(mcnemar(5, 5)).toBe(1)
    expect(mcnemar(0, 5)).toBeCloseTo(2 / 32, 12)
    // 2 (1 + 12 + 66) / 4096
    expect(mcnemar(10, 2)).toBeCloseTo(158 / 4096, 12)
    expect(mcnemar(2, 10)).toBe(mcnemar(10, 2))
  })
  test('it stays finite where the terms are far below the smallest double', () => {
    expect(mcnemar(3000, 3000)).toBeCloseTo(1, 9)
    expect(mcnemar(2000, 0)).toBe(0)
  })
  test('what is no count is refused', () => {
    expect(() => mcnemar(-1, 2)).toThrow(RangeError)
  })
})

describe('Holm', () => {
  test('known values, in the order given', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
    expect(holm([0.6, 0.7])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })
})

describe('detectable difference', () => {
  test('300 rows show 6 points, not 2; and the inverse', () => {
    // (1.959964 + 0.841621) sqrt(0.15 / 300)
    expect(detectableDifference(300)).toBeCloseTo(0.062646, 5)
    expect(examplesToDetect(0.02)).toBe(2944)
    expect(detectableDifference(examplesToDetect(0.02))).toBeLessThanOrEqual(0.02)
    expect(detectableDifference(examplesToDetect(0.02) - 1)).toBeGreaterThan(0.02)
  })
  test('half the power needs the level alone', () => {
    expect(detectableDifference(100, 0.25, { power: 0.5 })).toBeCloseTo(0.0979982, 6)
  })
})

describe('two-level bootstrap', () => {
  test('one task with one seed is the plain paired bootstrap', () => {
    const differences = Array.from({ length: 60 }, (_, index) => (index % 5 === 0 ? 1 : index % 7 === 0 ? -1 : 0))
    const plain = pairedBootstrap(differences)
    const two = twoLevelBootstrap([[differences]])
    expect(two.value).toBeCloseTo(plain.value, 12)
    expect(Math.abs(two.low - plain.low)).toBeLessThanOrEqual(1 / 60)
    expect(Math.abs(two.high - plain.high)).toBeLessThanOrEqual(1 / 60)
  })
  test('tasks count the same, whatever their size', () => {
    expect(twoLevelBootstrap([[[1, 1, 1, 1, 1, 1]], [[0]]]).value).toBe(0.5)
  })
  test('without noise inside the tasks the interval is that of their means', () => {
    const tasks = [0, 0.1, 0.2, 0.3].map((difference) => [new Array<number>(20).fill(difference)])
    const { value, low, high } = twoLevelBootstrap(tasks)
    const plain = pairedBootstrap([0, 0.1, 0.2, 0.3])
    expect(value).toBeCloseTo(0.15, 12)
    expect(low).toBeCloseTo(plain.low, 6)
    expect(high).toBeCloseTo(plain.high, 6)
  })
  test('seeds that differ widen the interval, and the same seed gives the same one', () => {
    const one = [new Array<number>(50).fill(0.1)]
    const many = [new Array<number>(50).fill(-0.1), new Array<number>(50).fill(0.3)]
    expect(twoLevelBootstrap([one])).toMatchObject({ low: expect.closeTo(0.1, 9) as number, high: expect.closeTo(0.1, 9) as number })
    const wide = twoLevelBootstrap([many])
    expect(wide).toMatchObject({ low: expect.closeTo(-0.1, 9) as number, high: expect.closeTo(0.3, 9) as number })
    expect(twoLevelBootstrap([many])).toEqual(wide)
  })
  test('its 95 % interval holds the truth at least as often as it says: drawing twice errs on the wide side', () => {
    const random = createRandom(4)
    let held = 0
    for (let round = 0; round < 300; round++) {
      const tasks = Array.from({ length: 20 }, () => {
        const rise = 0.1 + (random.uniform() - 0.5) * 0.1
        return [Array.from({ length: 40 }, () => (random.uniform() < 0.3 + rise ? 1 : 0) - (random.uniform() < 0.3 ? 1 : 0))]
      })
      const { low, high } = twoLevelBootstrap(tasks, { resamples: 1000, seed: round })
      if (low <= 0.1 && 0.1 <= high) held += 1
    }
    expect(held / 300).toBeGreaterThan(0.94)
  })
  test('seeds over unlike examples are refused', () => {
    expect(() => twoLevelBootstrap([[[1, 2], [1]]])).toThrow(RangeError)
    expect(() => twoLevelBootstrap([])).toThrow(RangeError)
  })
})
