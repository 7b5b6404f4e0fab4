import type { Interval } from './interval.ts'
import { normalQuantile } from './normal.ts'

/** Wilson's score interval of a proportion, without continuity correction (Newcombe 1998, method 3). `n` is at least 1; RangeError otherwise. */
export function wilson(successes: number, n: number, level = 0.95): Interval {
  if (!Number.isInteger(successes) || !Number.isInteger(n) || n < 1 || successes < 0 || successes > n)
    throw new RangeError(`${successes} of ${n} is no proportion`)
  const z = normalQuantile(level)
  const value = successes / n
  const centre = value + (z * z) / (2 * n)
  const reach = z * Math.sqrt((value * (1 - value)) / n + (z * z) / (4 * n * n))
  const scale = 1 + (z * z) / n
  // Exactly 0 and 1 where nothing or everything succeeded, whatever the rounding.
  return {
    value,
    low: successes === 0 ? 0 : (centre - reach) / scale,
    high: successes === n ? 1 : (centre + reach) / scale,
  }
}
