import { expect, test } from 'vitest'
import { bootstrapMean, bootstrapSteps } from '../../../src-main/statistics/bootstrap.ts'
import { normalCdf, normalQuantile } from '../../../src-main/statistics/normal.ts'
import { pairedBootstrap, signInterval } from '../../../src-main/statistics/paired.ts'
import { createRandom } from '../../../src-main/statistics/random.ts'
import { wilson } from '../../../src-main/statistics/wilson.ts'

test('known values of the normal distribution', () => {
  expect(normalCdf(0)).toBe(0.5)
  expect(normalCdf(1)).toBeCloseTo(0.841344746068543, 14)
  expect(normalCdf(-3)).toBeCloseTo(0.00134989803163, 14)
  expect(normalQuantile(0.95)).toBeCloseTo(1.959963984540054, 12)
  expect(normalQuantile(0.99)).toBeCloseTo(2.5758293035489, 12)
  expect(() => normalQuantile(1)).toThrow(RangeError)
})

// Newcombe 1998, table I, method 3.
test.each([
  [81, 263, 0.2553, 0.3662],
  [15, 148, 0.0624, 0.1605],
  [0, 20, 0, 0.1611],
  [1, 29, 0.0061, 0.1718],
])('Wilson interval of %d of %d', (successes, n, low, high) => {
  const interval = wilson(successes, n)
  expect(interval.low).toBeCloseTo(low, 4)
  expect(interval.high).toBeCloseTo(high, 4)
  expect(interval.value).toBe(successes / n)
})

test('Wilson intervals mirror each other, hold their value, and shrink with more examples and lower levels', () => {
  for (const [successes, n] of [
    [0, 1],
    [1, 1],
    [3, 10],
    [50, 100],
    [99, 100],
  ] as const) {
    const [one, other] = [wilson(successes, n), wilson(n - successes, n)]
    expect(one.low).toBeCloseTo(1 - other.high, 12)
    expect(one.low).toBeLessThanOrEqual(one.value)
    expect(one.high).toBeGreaterThanOrEqual(one.value)
    expect(one.low).toBeGreaterThanOrEqual(0)
    expect(one.high).toBeLessThanOrEqual(1)
    const wide = (interval: { low: number; high: number }) => interval.high - interval.low
    expect(wide(wilson(10 * successes, 10 * n))).toBeLessThan(wide(one))
    expect(wide(wilson(successes, n, 0.8))).toBeLessThan(wide(one))
  }
  for (const [successes, n] of [
    [1, 0],
    [-1, 5],
    [6, 5],
    [0.5, 5],
  ] as const)
    expect(() => wilson(successes, n)).toThrow(RangeError)
})

test('a bootstrap repeats itself, and another seed gives nearly the same', () => {
  const values = Array.from({ length: 200 }, (_, index) => Math.sqrt(index))
  expect(bootstrapMean(values)).toEqual(bootstrapMean(values))
  const [one, other] = [bootstrapMean(values), bootstrapMean(values, { seed: 2 })]
  expect(one).not.toEqual(other)
  expect(one.low).toBeCloseTo(other.low, 0)
  // The standard error of the mean says where the ends must lie, up to the skew.
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length / values.length)
  expect(one.value).toBeCloseTo(mean, 12)
  expect((mean - one.low) / error).toBeCloseTo(1.96, 0)
  expect((one.high - mean) / error).toBeCloseTo(1.96, 0)
})

test('a bootstrap moves and stretches with its values, and one value or equal ones give a point', () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6]
  const one = bootstrapMean(values)
  const moved = bootstrapMean(values.map((value) => 2 * value + 1))
  expect(moved.low).toBeCloseTo(2 * one.low + 1, 12)
  expect(moved.high).toBeCloseTo(2 * one.high + 1, 12)
  expect(bootstrapMean([0.25, 0.25])).toEqual({ value: 0.25, low: 0.25, high: 0.25 })
  expect(bootstrapMean([7])).toEqual({ value: 7, low: 7, high: 7 })
  expect(() => bootstrapMean([])).toThrow(RangeError)
})

test('weights make the mean that of all tokens, and equal ones change nothing', () => {
  const [values, weights] = [
    [1, 3, 2, 8],
    [2, 2, 4, 8],
  ]
  expect(bootstrapMean(values, { weights }).value).toBe((2 + 6 + 8 + 64) / 16)
  expect(bootstrapMean(values, { weights: [5, 5, 5, 5] })).toEqual(bootstrapMean(values))
  // An example of two tokens counts as much as two of one token each.
  expect(bootstrapMean([1, 5], { weights: [3, 1] }).value).toBe(2)
})

test('the quantiles are those of the sorted means', () => {
  // Of two values the mean of a resample is 0, 1/2 or 1 with probability 1/4, 1/2, 1/4.
  expect(bootstrapMean([0, 1], { level: 0.4 })).toEqual({ value: 0.5, low: 0.5, high: 0.5 })
  expect(bootstrapMean([0, 1], { level: 0.6 })).toEqual({ value: 0.5, low: 0, high: 1 })
})

test('a long bootstrap pauses between short pieces of work', () => {
  const steps = bootstrapSteps(Float64Array.from({ length: 2000 }, (_, index) => index))
  let pauses = 0
  while (!steps.next().done) pauses += 1
  // 10,000 times 2000 values in pieces of half a million.
  expect(pauses).toBe(40)
})

test('the interval of proportions is the limit of the drawn one', () => {
  for (const [plus, minus, n] of [
    [3, 1, 10],
    [20, 14, 100],
    [60, 0, 300],
    [0, 7, 50],
  ] as const) {
    const differences = Array.from({ length: n }, (_, index) => (index < plus ? 1 : index < plus + minus ? -1 : 0))
    const drawn = bootstrapMean(differences)
    const exact = signInterval(plus, minus, n)
    expect(pairedBootstrap(differences)).toEqual(exact)
    expect(exact.value).toBe((plus - minus) / n)
    // The ends are multiples of 1/n; drawing may be one beside.
    expect(Math.abs(exact.low - drawn.low)).toBeLessThanOrEqual(1 / n + 1e-12)
    expect(Math.abs(exact.high - drawn.high)).toBeLessThanOrEqual(1 / n + 1e-12)
  }
})

test('small intervals of proportions follow from counting all resamples', () => {
  // Two examples, +1 and 0: the mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
  expect(signInterval(1, 0, 2, 0.4)).toEqual({ value: 0.5, low: 0.5, high: 0.5 })
  expect(signInterval(1, 0, 2, 0.6)).toEqual({ value: 0.5, low: 0, high: 1 })
  // +1 and -1: -1, 0, 1 likewise.
  expect(signInterval(1, 1, 2, 0.6)).toEqual({ value: 0, low: -1, high: 1 })
  expect(signInterval(0, 0, 5)).toEqual({ value: 0, low: 0, high: 0 })
  expect(signInterval(5, 0, 5)).toEqual({ value: 1, low: 1, high: 1 })
})

test('paired differences swap their sign with the sides, and other values are drawn', () => {
  const random = createRandom(4)
  const signs = Array.from({ length: 80 }, () => random.below(3) - 1)
  const [one, other] = [pairedBootstrap(signs), pairedBootstrap(signs.map((sign) => -sign))]
  expect(other.value).toBeCloseTo(-one.value, 12)
  expect(other.low).toBeCloseTo(-one.high, 12)
  expect(other.high).toBeCloseTo(-one.low, 12)
  const halves = [0.5, -0.5, 0.25, 1]
  expect(pairedBootstrap(halves)).toEqual(bootstrapMean(halves))
  expect(pairedBootstrap([1, 0, -1], { weights: [1, 2, 3] })).toEqual(bootstrapMean([1, 0, -1], { weights: [1, 2, 3] }))
  expect(() => pairedBootstrap([])).toThrow(RangeError)
})

test('the interval covers the true mean about as often as it says', () => {
  const random = createRandom(11)
  const trials = 200
  let covered = 0
  for (let trial = 0; trial < trials; trial++) {
    const signs = Array.from({ length: 60 }, () => (random.uniform() < 0.3 ? 1 : random.uniform() < 0.2 ? -1 : 0))
    const { low, high } = pairedBootstrap(signs)
    if (low <= 0.3 - 0.7 * 0.2 && high >= 0.3 - 0.7 * 0.2) covered += 1
  }
  expect(covered / trials).toBeGreaterThan(0.9)
  expect(covered / trials).toBeLessThan(0.99)
})
