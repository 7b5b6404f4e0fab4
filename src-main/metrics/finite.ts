/** The number, or null where it is not finite: JSON and the library's tables hold no NaN. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
