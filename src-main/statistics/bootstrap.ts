import type { Interval } from './interval.ts'
import { createRandom } from './random.ts'

/** How a bootstrap is done; the defaults are those that every interval of the app is made with. */
export interface BootstrapOptions {
  readonly level?: number
  readonly resamples?: number
  readonly seed?: number
  /** What each value counts in the mean, above 0; by default all the same. */
  readonly weights?: ArrayLike<number>
}

/** Level, resamples and seed of every bootstrap of the app. */
export const bootstrapDefaults = { level: 0.95, resamples: 10_000, seed: 1 } as const

/** Values drawn between two pauses of a sliced bootstrap. */
const valuesPerSlice = 500_000

/**
 * The mean (weighted, where there are weights) with its percentile interval: `resamples` times as many values are drawn with replacement, and the interval
 * spans the means from the (1 - level) / 2 quantile to the (1 + level) / 2 quantile (inverse of the empirical distribution function). A generator,
 * so that the caller decides when to go on: it pauses after every slice of some milliseconds and returns the interval at its end.
 * Deterministic for a seed. RangeError without values.
 */
export function* bootstrapSteps(values: ArrayLike<number>, options: BootstrapOptions = {}): Generator<undefined, Interval> {
  const { level, resamples, seed } = { ...bootstrapDefaults, ...options }
  const count = values.length
  if (count === 0) throw new RangeError('there are no values to draw from')
  const sums = Float64Array.from(values, (value, index) => value * (options.weights?.[index] ?? 1))
  const weights = options.weights ? Float64Array.from(options.weights) : null
  const random = createRandom(seed)
  const drawn = new Uint32Array(count)
  const means = new Float64Array(resamples)
  let left = valuesPerSlice
  for (let resample = 0; resample < resamples; resample++) {
    random.fillBelow(count, drawn)
    let sum = 0
    for (let i = 0; i < count; i++) sum += sums[drawn[i]!]!
    means[resample] = sum / (weights ? totalOf(weights, drawn) : count)
    left -= count
    if (left > 0) continue
    yield
    left = valuesPerSlice
  }
  means.sort()
  const all = sums.reduce((sum, value) => sum + value, 0)
  const total = weights ? weights.reduce((sum, weight) => sum + weight, 0) : count
  return { value: all / total, low: quantile(means, (1 - level) / 2), high: quantile(means, (1 + level) / 2) }
}

/** bootstrapSteps in one go, for small samples and tests. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  const steps = bootstrapSteps(values, options)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

function totalOf(weights: Float64Array, drawn: Uint32Array): number {
  let total = 0
  for (let i = 0; i < drawn.length; i++) total += weights[drawn[i]!]!
  return total
}

/** The smallest of the sorted values at or below which at least the share `p` of them lies. */
export function quantile(sorted: Float64Array, p: number): number {
  // Level arithmetic leaves a rounding error, which must not move the place by one.
  const place = Math.ceil(p * sorted.length - 1e-9) - 1
  return sorted[Math.min(sorted.length - 1, Math.max(0, place))]!
}
