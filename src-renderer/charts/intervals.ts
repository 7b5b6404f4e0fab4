import { extent } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import type { ChartTable } from './chart-table.ts'

/** One estimate with its interval. base is drawn grey and as a line through all rows, control hollow. */
export interface Estimate {
  readonly key: string
  readonly label: string
  readonly value: number
  readonly low: number
  readonly high: number
  readonly n: number
  readonly role: 'base' | 'plain' | 'control'
}

export interface DrawnEstimate extends Estimate {
  readonly y: number
  readonly at: number
  readonly from: number
  readonly to: number
}

export interface IntervalLayout {
  readonly rows: readonly DrawnEstimate[]
  /** Place of the base model's value, null without one. */
  readonly base: number | null
  readonly ticks: readonly { readonly at: number; readonly value: number }[]
  readonly height: number
}

/** Rows from the best to the worst, on an axis that holds every interval; `bounds` is what values cannot leave (0 and 1 for shares). */
export function layOutIntervals(
  estimates: readonly Estimate[],
  options: {
    readonly width: number
    readonly rowHeight: number
    readonly direction: 'higher' | 'lower'
    readonly bounds: readonly [number, number]
  },
): IntervalLayout {
  const { width, rowHeight, direction, bounds } = options
  const [least = 0, most = 1] = extent(estimates.flatMap(({ low, high }) => [low, high]))
  const room = Math.max((most - least) * 0.05, 1e-9)
  const scale = scaleLinear([Math.max(bounds[0], least - room), Math.min(bounds[1], most + room)], [0, width]).nice(5)
  const sign = direction === 'higher' ? -1 : 1
  const rows = [...estimates]
    .sort((left, right) => sign * (left.value - right.value) || left.label.localeCompare(right.label))
    .map((estimate, index) => ({
      ...estimate,
      y: index * rowHeight,
      at: scale(estimate.value),
      from: scale(estimate.low),
      to: scale(estimate.high),
    }))
  return {
    rows,
    base: rows.find(({ role }) => role === 'base')?.at ?? null,
    ticks: scale.ticks(5).map((value) => ({ at: scale(value), value })),
    height: rows.length * rowHeight,
  }
}

/** What the estimates say at a glance: how many lie clearly above or below the base model, by intervals that do not meet. */
export function intervalFinding(what: string, estimates: readonly Estimate[], direction: 'higher' | 'lower'): string {
  const base = estimates.find(({ role }) => role === 'base')
  const others = estimates.filter(({ role }) => role !== 'base')
  if (!base || others.length === 0) return what
  const better = others.filter(({ low, high }) => (direction === 'higher' ? low > base.high : high < base.low)).length
  const worse = others.filter(({ low, high }) => (direction === 'higher' ? high < base.low : low > base.high)).length
  if (better === 0 && worse === 0) return `${what}: none is clearly apart from the base model`
  return `${what}: ${better} of ${others.length} clearly better than the base model, ${worse} clearly worse`
}

export function intervalTable(estimates: readonly Estimate[]): ChartTable {
  return {
    columns: [
      { label: 'model', numeric: false },
      { label: 'value', numeric: true },
      { label: 'low', numeric: true },
      { label: 'high', numeric: true },
      { label: 'n', numeric: true },
    ],
    rows: estimates.map(({ label, value, low, high, n }) => [label, value, low, high, n]),
  }
}
