/** Distribution function of the standard normal distribution, to about 1e-15 for |x| <= 8 (power series; beyond it the tail is below 1e-15). */
export function normalCdf(x: number): number {
  if (Math.abs(x) > 8) return x < 0 ? 0 : 1
  let term = x
  let sum = x
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

/** The number of standard deviations that a two-sided interval of this level (between 0 and 1) reaches: 1.959964 for 0.95. */
export function normalQuantile(level: number): number {
  if (!(level > 0 && level < 1)) throw new RangeError(`the level ${level} does not lie between 0 and 1`)
  const wanted = (1 + level) / 2
  let [low, high] = [0, 8]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (normalCdf(middle) < wanted) low = middle
    else high = middle
  }
  return (low + high) / 2
}
