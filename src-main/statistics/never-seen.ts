import type { Interval } from './interval.ts'

/** Share of the error that each end of a 95 % interval has. */
const tail = 0.025

/**
 * Largest share of examples that could be otherwise although none of n was, at 97.5 % (the exact binomial bound with no event: 1 - 0.025^(1/n), about
 * 3.7 / n; Clopper and Pearson 1934). 1 without an example.
 */
export function unseenShare(n: number): number {
  return n === 0 ? 1 : 1 - tail ** (1 / n)
}

/** Fewest examples without a single event that rule out a share of that size or more, at 97.5 %: the inverse of unseenShare. */
export function examplesToRuleOut(share: number): number {
  return share >= 1 ? 1 : Math.ceil(Math.log(tail) / Math.log1p(-share))
}

/**
 * Interval of shares, or of their paired differences, when all n outcomes are the same: resampling them gives one point, as if nothing could be otherwise.
 * The ends are moved by what n examples cannot rule out, and stay within `bounds`.
 */
export function widenUnseen(value: number, n: number, [least, most]: readonly [number, number]): Interval {
  const unseen = unseenShare(n)
  return { value, low: Math.max(least, value - unseen), high: Math.min(most, value + unseen) }
}
