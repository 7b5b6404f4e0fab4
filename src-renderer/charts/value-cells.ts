import { extent, max } from 'd3-array'
import { cutLabel, textWidth } from './labels.ts'

/** Number of steps of the sequential ramp (tokens --ramp-0 to --ramp-5). */
export const rampSteps = 6
const divergingSteps = 7

export type RampKind = 'sequential' | 'diverging'

/** One cell of a matrix before it has a colour. */
export interface ValueCell {
  readonly row: number
  readonly column: number
  readonly value: number
  /** As it stands in the cell, where there is room. */
  readonly number: string
  /** Read out, and shown on hover and focus. */
  readonly text: string
  /** Written strongly: its interval leaves out 0. */
  readonly strong: boolean
}

export interface PaintedCell extends ValueCell {
  readonly step: number
}

/** What the ends of a ramp stand for. */
export interface Ramp {
  readonly kind: RampKind
  readonly from: number
  readonly to: number
  readonly steps: number
}

/** A sequential ramp over the values there are, or a diverging one with equal reach to both sides of 0. */
export function rampOver(kind: RampKind, values: readonly number[]): Ramp {
  if (kind === 'diverging') {
    const reach = max(values, Math.abs) ?? 0
    return { kind, from: -reach, to: reach, steps: divergingSteps }
  }
  const [from = 0, to = 0] = extent(values)
  return { kind, from, to, steps: rampSteps }
}

/** The step of a value; where all are equal the first of a sequential ramp, the middle of a diverging one. */
export function stepOf({ kind, from, to, steps }: Ramp, value: number): number {
  if (to - from < 1e-12) return kind === 'diverging' ? (steps - 1) / 2 : 0
  const share = (value - from) / (to - from)
  // The neutral middle of a diverging ramp lies around 0; sequential steps are of equal width.
  const step = kind === 'diverging' ? Math.round(share * (steps - 1)) : Math.floor(share * steps)
  return Math.max(0, Math.min(steps - 1, step))
}

export interface MatrixLayout {
  readonly nameRoom: number
  readonly headHeight: number
  readonly cellWidth: number
  readonly rowHeight: number
  /** Numbers stand in the cells. */
  readonly numbered: boolean
  /** Names of columns stand level where they fit, else they lean. */
  readonly leaning: boolean
  readonly rowNames: readonly string[]
  readonly columnNames: readonly string[]
  readonly width: number
  readonly height: number
}

const widestCell = 88
const lean = (50 * Math.PI) / 180
const longestHead = 200

/** Room for names and cells of a matrix in `width` pixels; `cells` say how long the numbers in them are. */
export function layOutMatrix(
  rows: readonly string[],
  columns: readonly string[],
  numbers: readonly string[],
  options: { readonly width: number; readonly rowHeight: number },
): MatrixLayout {
  const { width, rowHeight } = options
  const longestName = rows.reduce((most, name) => Math.max(most, textWidth(name)), 0)
  const nameRoom = Math.ceil(Math.min(longestName + 12, Math.max(90, Math.min(260, width * 0.28))))
  const longestColumn = columns.reduce((most, name) => Math.max(most, textWidth(name)), 0)
  const free = width - nameRoom
  const level = Math.min(widestCell, free / Math.max(1, columns.length))
  const leaning = longestColumn + 8 > level
  const head = Math.min(longestHead, longestColumn + 4)
  // A leaning name of the last column reaches beyond it.
  const reach = leaning ? Math.ceil(Math.cos(lean) * head) : 0
  const cellWidth = Math.max(4, Math.min(widestCell, Math.floor((free - reach) / Math.max(1, columns.length))))
  const longestNumber = numbers.reduce((most, number) => Math.max(most, textWidth(number)), 0)
  const headHeight = leaning ? Math.ceil(Math.sin(lean) * head) + 14 : 20
  return {
    nameRoom,
    headHeight,
    cellWidth,
    rowHeight,
    numbered: rowHeight >= 16 && cellWidth >= longestNumber + 4,
    leaning,
    rowNames: rows.map((name) => cutLabel(name, nameRoom - 10)),
    columnNames: columns.map((name) => cutLabel(name, leaning ? head : cellWidth)),
    width: nameRoom + columns.length * cellWidth + reach,
    height: headHeight + rows.length * rowHeight + legendHeight,
  }
}

/** Room of the ramp's key under the cells. */
export const legendHeight = 30
