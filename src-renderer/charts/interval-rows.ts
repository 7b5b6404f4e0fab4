import { extent } from 'd3-array'
import { scaleLinear, type ScaleLinear } from 'd3-scale'
import type { ArmLook } from './data-colours.ts'

/** A value with the ends of its interval. */
export interface ChartInterval {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** One row: a name, a mark with its interval, the numbers. */
export interface IntervalRow {
  readonly key: string
  readonly label: string
  readonly look: ArmLook
  readonly interval: ChartInterval
  /** The study's value, drawn as a tick; null without one. */
  readonly study: number | null
  /** The numbers as they stand beside the row. */
  readonly numbers: string
  /** Read out, and shown on hover and focus. */
  readonly text: string
  /** Sums up the other rows: drawn as a diamond over its interval. */
  readonly overall: boolean
}

export interface PlacedRow extends IntervalRow {
  /** Top of the row. */
  readonly y: number
  readonly at: number
  readonly from: number
  readonly to: number
  readonly studyAt: number | null
}

/** A scale over `width` pixels that holds every number of `values` and leaves `bounds` only where they do, with some room on both sides also where all are equal. */
export function scaleAcross(
  values: readonly number[],
  options: { readonly width: number; readonly bounds: readonly [number, number]; readonly flip?: boolean },
): ScaleLinear<number, number> {
  const { width, bounds, flip = false } = options
  const [least = 0, most = 1] = extent(values)
  const atLeast = Number.isFinite(bounds[1] - bounds[0]) ? 0.01 * (bounds[1] - bounds[0]) : Math.max(Math.abs(most) * 0.05, 1e-3)
  const room = Math.max((most - least) * 0.04, most - least < 1e-12 ? atLeast : 0)
  const domain = [Math.min(least, Math.max(bounds[0], least - room)), Math.max(most, Math.min(bounds[1], most + room))]
  return scaleLinear(domain, flip ? [width, 0] : [0, width]).nice(10)
}

/** Everything that a row's drawing has to hold. */
export function extremesOf(rows: readonly IntervalRow[]): readonly number[] {
  return rows.flatMap(({ interval, study }) => [interval.low, interval.high, interval.value, ...(study === null ? [] : [study])])
}

/** The rows at their places, one under the other. */
export function placeRows(rows: readonly IntervalRow[], scale: (value: number) => number, rowHeight: number): readonly PlacedRow[] {
  return rows.map((row, index) => ({
    ...row,
    y: index * rowHeight,
    at: scale(row.interval.value),
    from: scale(row.interval.low),
    to: scale(row.interval.high),
    studyAt: row.study === null ? null : scale(row.study),
  }))
}
