/**
 * exp of the entropy of p_k = sigma_k / sum sigma (Roy and Vetterli 2007): 1 when one direction holds everything, the number of values when all
 * are equal; 0 when all are 0.
 */
export function effectiveRankOf(singularValues: readonly number[]): number {
  const sum = singularValues.reduce((total, value) => total + value, 0)
  if (!(sum > 0)) return 0
  let entropy = 0
  for (const value of singularValues) {
    const share = value / sum
    if (share > 0) entropy -= share * Math.log(share)
  }
  return Math.exp(entropy)
}

/** Mean of the known values by their weights; 0 when all weights are 0, null when no value is known. */
export function weightedMean(rows: readonly { readonly value: number | null; readonly weight: number }[]): number | null {
  let sum = 0
  let weights = 0
  let known = false
  for (const { value, weight } of rows) {
    if (value === null) continue
    known = true
    sum += weight * value
    weights += weight
  }
  if (!known) return null
  return weights > 0 ? sum / weights : 0
}
