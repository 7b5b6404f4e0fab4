import { bootstrapDefaults, bootstrapSteps, type BootstrapOptions } from './bootstrap.ts'
import type { Interval } from './interval.ts'

/**
 * Mean of paired differences (one per example that both were asked) with its percentile bootstrap interval over the examples; bootstrapSteps says how.
 * Where every difference is -1, 0 or 1 and counts the same, as for proportions, the interval is that of infinitely many resamples, computed from the
 * counts: nothing is drawn. RangeError without differences.
 */
export function* pairedSteps(differences: ArrayLike<number>, options: BootstrapOptions = {}): Generator<undefined, Interval> {
  const counts = options.weights && !allEqual(options.weights) ? null : signCounts(differences)
  if (counts === null) return yield* bootstrapSteps(differences, options)
  return signInterval(counts.plus, counts.minus, differences.length, options.level)
}

/** pairedSteps in one go, for small samples and tests. */
export function pairedBootstrap(differences: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  const steps = pairedSteps(differences, options)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/**
 * Percentile interval of the mean of `n` values drawn from `plus` ones, `minus` minus ones and zeros for the rest, over infinitely many resamples.
 * A resample's count of values that are not zero is binomial, and so is the count of ones among these; the distribution of their difference follows by
 * summing over both, where they have any probability to speak of (1e-18 and more are kept).
 */
export function signInterval(plus: number, minus: number, n: number, level: number = bootstrapDefaults.level): Interval {
  const share = new Float64Array(2 * n + 1)
  const logFactorials = logFactorialsTo(n)
  const signed = (plus + minus) / n
  const ones = plus + minus === 0 ? 0 : plus / (plus + minus)
  eachBinomial(n, signed, logFactorials, (drawn, probability) =>
    eachBinomial(drawn, ones, logFactorials, (up, among) => void (share[n + 2 * up - drawn]! += probability * among)),
  )
  const total = share.reduce((sum, part) => sum + part, 0)
  return {
    value: (plus - minus) / n,
    low: quantile(share, ((1 - level) / 2) * total, n),
    high: quantile(share, ((1 + level) / 2) * total, n),
  }
}

function signCounts(differences: ArrayLike<number>): { readonly plus: number; readonly minus: number } | null {
  if (differences.length === 0) return null
  let [plus, minus] = [0, 0]
  for (let i = 0; i < differences.length; i++) {
    const difference = differences[i]
    if (difference === 1) plus += 1
    else if (difference === -1) minus += 1
    else if (difference !== 0) return null
  }
  return { plus, minus }
}

function allEqual(weights: ArrayLike<number>): boolean {
  return Array.prototype.every.call(weights, (weight) => weight === weights[0])
}

/** Calls `use` for every count of successes out of `n` whose probability is at least 1e-18. */
function eachBinomial(n: number, p: number, logFactorials: Float64Array, use: (count: number, probability: number) => void): void {
  if (p <= 0 || n === 0) return use(0, 1)
  if (p >= 1) return use(n, 1)
  const [logP, logQ] = [Math.log(p), Math.log1p(-p)]
  const probability = (count: number): number =>
    Math.exp(logFactorials[n]! - logFactorials[count]! - logFactorials[n - count]! + count * logP + (n - count) * logQ)
  const middle = Math.min(n, Math.floor((n + 1) * p))
  for (let count = middle; count <= n; count++) {
    const share = probability(count)
    if (share < negligible) break
    use(count, share)
  }
  for (let count = middle - 1; count >= 0; count--) {
    const share = probability(count)
    if (share < negligible) break
    use(count, share)
  }
}

const negligible = 1e-18

function logFactorialsTo(n: number): Float64Array {
  const logs = new Float64Array(n + 1)
  for (let i = 2; i <= n; i++) logs[i] = logs[i - 1]! + Math.log(i)
  return logs
}

/** The smallest mean at or below which at least `wanted` of the probability lies. */
function quantile(share: Float64Array, wanted: number, n: number): number {
  let below = 0
  for (let place = 0; place < share.length; place++) {
    below += share[place]!
    if (below >= wanted - 1e-12) return (place - n) / n
  }
  return 1
}
