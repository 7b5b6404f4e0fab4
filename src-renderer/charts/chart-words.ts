import { formatCount } from '../format/numbers.ts'

/** Several counts as one: "300", or "120 to 300" where they differ. */
export function countWords(counts: readonly number[]): string {
  if (counts.length === 0) return '0'
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return least === most ? formatCount(least) : `${formatCount(least)} to ${formatCount(most)}`
}
