/** One cell of the lower triangle: the cosine between the updates of adapters `row` and `column`. */
export interface CosineCell {
  readonly row: number
  readonly column: number
  readonly cosine: number
  readonly x: number
  readonly y: number
}

export interface CosineLayout {
  readonly cells: readonly CosineCell[]
  readonly cell: number
  readonly side: number
  /** False where the cells are too small for their number. */
  readonly numbered: boolean
}

const smallestNumbered = 30
const largestCell = 44
const smallestCell = 6

/** Lower triangle without the diagonal, cells as large as fit `width`; null when they would be too small to tell apart. */
export function layOutCosines(cosines: readonly (readonly number[])[], width: number): CosineLayout | null {
  const lines = cosines.length - 1
  if (lines < 1) return null
  const cell = Math.min(largestCell, Math.floor(width / lines))
  if (cell < smallestCell) return null
  const cells = cosinePairs(cosines).map((pair) => ({
    ...pair,
    x: pair.column * cell,
    y: (pair.row - 1) * cell,
  }))
  return { cells, cell, side: lines * cell, numbered: cell >= smallestNumbered }
}

/** Every pair once, row after column. */
export function cosinePairs(
  cosines: readonly (readonly number[])[],
): readonly { readonly row: number; readonly column: number; readonly cosine: number }[] {
  return cosines.flatMap((line, row) => line.slice(0, row).map((cosine, column) => ({ row, column, cosine })))
}

/** The pair with the largest and the one with the smallest cosine, or null without pairs. */
export function extremePairs(cosines: readonly (readonly number[])[]): {
  readonly highest: { readonly row: number; readonly column: number; readonly cosine: number }
  readonly lowest: { readonly row: number; readonly column: number; readonly cosine: number }
} | null {
  const pairs = [...cosinePairs(cosines)].sort((left, right) => right.cosine - left.cosine)
  const highest = pairs[0]
  const lowest = pairs.at(-1)
  return highest && lowest ? { highest, lowest } : null
}

/**
 * Step of the diverging ramp, 0 (cosine -1) to 6 (cosine 1) with 3 around zero. Under a printed number only the neutral, pale and end steps
 * are used: on them either the text colour or the ground colour can be read in both themes.
 */
export function rampStep(cosine: number, numbered: boolean): number {
  const size = Math.min(1, Math.abs(cosine))
  const bounds = numbered ? [0.05, 0.5] : [0.05, 0.35, 0.65]
  const away = numbered ? [0, 1, 3] : [0, 1, 2, 3]
  return 3 + Math.sign(cosine) * (away[bounds.filter((bound) => size >= bound).length] ?? 0)
}

/** True for the two end colours, on which numbers are set in the ground colour. */
export function isRampEnd(step: number): boolean {
  return step === 0 || step === 6
}
