import { normalQuantile } from './normal.ts'

/** What planning assumes: a two-sided interval of 95 %, found with a probability of 80 %. */
export const detectableDefaults = { level: 0.95, power: 0.8 } as const

/** Share of examples on which two compared models usually disagree, where none is known yet. */
export const usualDisagreement = 0.15

/**
 * The smallest difference of two proportions, paired over `n` examples, whose interval leaves out 0 with the wished probability:
 * (z of the level + z of the power) sqrt(disagreement / n), by the normal approximation (Connor 1987), where `disagreement` is the share of examples that
 * exactly one of the two gets right. At most 1. RangeError where n is below 1 or the share outside 0 to 1.
 */
export function detectableDifference(
  n: number,
  disagreement: number = usualDisagreement,
  options: { readonly level?: number; readonly power?: number } = {},
): number {
  check(n, disagreement)
  return Math.min(1, reach(options) * Math.sqrt(disagreement / n))
}

/** How many examples it takes to see a difference of that size, rounded up; the inverse of detectableDifference. RangeError unless it is above 0. */
export function examplesToDetect(
  difference: number,
  disagreement: number = usualDisagreement,
  options: { readonly level?: number; readonly power?: number } = {},
): number {
  check(1, disagreement)
  if (!(difference > 0)) throw new RangeError(`${difference} is no difference to look for`)
  return Math.max(1, Math.ceil(disagreement * (reach(options) / difference) ** 2 - 1e-9))
}

function reach(options: { readonly level?: number; readonly power?: number }): number {
  const { level, power } = { ...detectableDefaults, ...options }
  // normalQuantile is two-sided: the power's one-sided quantile is that of the level 2 power - 1.
  return normalQuantile(level) + (power > 0.5 ? normalQuantile(2 * power - 1) : 0)
}

function check(n: number, disagreement: number): void {
  if (!(n >= 1)) throw new RangeError(`${n} is no number of examples`)
  if (!(disagreement >= 0 && disagreement <= 1)) throw new RangeError(`${disagreement} is no share`)
}
