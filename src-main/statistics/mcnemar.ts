/**
 * Exact two-sided McNemar test (McNemar 1947): of the examples that exactly one of two models gets right, `here` by the one and `there` by the other,
 * the probability of a split at least as uneven when both are equally good, 2 P(X <= min(here, there)) for X binomial with p = 1/2, at most 1.
 * Both are whole numbers of at least 0; RangeError otherwise.
 */
export function mcnemar(here: number, there: number): number {
  if (!Number.isSafeInteger(here) || !Number.isSafeInteger(there) || here < 0 || there < 0) {
    throw new RangeError(`${here} and ${there} are no counts of examples`)
  }
  const n = here + there
  const least = Math.min(here, there)
  // Terms n choose k over 2^n in logarithms: they stay finite for any n.
  let logTerm = -n * Math.LN2
  let sum = 0
  for (let k = 0; k <= least; k++) {
    sum += Math.exp(logTerm)
    logTerm += Math.log(n - k) - Math.log(k + 1)
  }
  return Math.min(1, 2 * sum)
}
