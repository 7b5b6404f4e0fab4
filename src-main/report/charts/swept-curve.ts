import type { Interval, Unit } from '../numbers.ts'
import { markAt, shapes } from './marks.ts'
import { linearScale, logScale, rangeOf, spread } from './scale.ts'
import { drawing, element, fitted, lineFrom, textAt } from './svg.ts'
import { seriesColours } from './chart-style.ts'
import { largeText, tickText } from './tick-text.ts'

export interface CurveSeries {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly interval: Interval }[]
}

export interface SweptCurveChart {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly xAxis: string
  readonly yAxis: string
  readonly unit: Unit
  /** Logarithmic where what was varied is counted in multiples; every x above 0. */
  readonly logarithmic: boolean
  readonly series: readonly CurveSeries[]
}

const width = 860
const left = 56
const right = 250
const top = 14
const least = 15
const dashes = ['', '7 3', '2 3', '9 3 2 3', '5 5', '1 2'] as const

/** Values against what was varied, with bands of their intervals; series differ in colour, mark and dash, and are named at their ends. */
export function sweptCurve({ id, title, description, xAxis, yAxis, unit, logarithmic, series }: SweptCurveChart): string {
  const all = series.flatMap(({ points }) => points)
  const xs = [...new Set(all.map(({ x }) => x))].sort((one, other) => one - other)
  const height = Math.max(260, series.length * least + 20)
  const bottom = top + height
  const y = linearScale(rangeOf(all.flatMap(({ interval }) => [interval.value, interval.low, interval.high])), [bottom, top], 5)
  const domain = [xs[0] ?? 0, xs.at(-1) ?? 1] as const
  const range = [left + 12, width - right - 12] as const
  const x = logarithmic && domain[0] > 0 ? logScale(domain, range) : linearScale(domain, range)
  const lasts = series.map(({ points }) => points.reduce((last, point) => (point.x >= last.x ? point : last), points[0]!))
  const labels = spread(
    lasts.map(({ interval }) => y.place(interval.value)),
    least,
    top + 4,
    bottom,
  )
  return drawing({ width, height: bottom + 42 }, { id, title, description }, [
    ...y.ticks.flatMap((tick) => [
      lineFrom(left, y.place(tick), width - right, y.place(tick), 'grid'),
      textAt(left - 6, y.place(tick) + 4, tickText(tick, y.ticks, unit), 'quiet small number', 'end'),
    ]),
    // What was varied has few values: these are the ticks.
    ...xs.flatMap((value) => [
      lineFrom(x.place(value), bottom, x.place(value), bottom + 4, 'axis'),
      textAt(x.place(value), bottom + 17, largeText(value), 'quiet small number', 'middle'),
    ]),
    textAt((left + width - right) / 2, bottom + 36, xAxis, 'quiet small', 'middle'),
    element('g', { transform: `translate(14 ${top + height / 2}) rotate(-90)` }, [textAt(0, 0, yAxis, 'quiet small', 'middle')]),
    ...series.map((one, index) => bandOf(one, index, x.place, y.place)),
    ...series.flatMap((one, index) => seriesOf(one, index, x.place, y.place)),
    ...series.flatMap(({ label }, index) =>
      endOf(label, x.place(lasts[index]!.x), y.place(lasts[index]!.interval.value), labels[index]!, index),
    ),
  ])
}

function sorted({ points }: CurveSeries): CurveSeries['points'] {
  return [...points].sort((one, other) => one.x - other.x)
}

function bandOf(series: CurveSeries, index: number, x: (value: number) => number, y: (value: number) => number): string {
  const points = sorted(series)
  const upper = points.map((point) => pair(x(point.x), y(point.interval.high)))
  const lower = points.map((point) => pair(x(point.x), y(point.interval.low))).reverse()
  return element('polygon', { points: [...upper, ...lower].join(' '), class: `band ${colourOf(index)}` })
}

function seriesOf(series: CurveSeries, index: number, x: (value: number) => number, y: (value: number) => number): readonly string[] {
  const points = sorted(series)
  const dash = dashes[index % dashes.length]!
  const path = points.map((point) => pair(x(point.x), y(point.interval.value))).join(' ')
  return [
    element('polyline', { points: path, class: `curve ${colourOf(index)}`, ...(dash === '' ? {} : { 'stroke-dasharray': dash }) }),
    ...points.map((point) => markAt(x(point.x), y(point.interval.value), markOf(index))),
  ]
}

/** The name at the end of a curve, with a line to it where it had to give way. */
function endOf(label: string, x: number, y: number, labelY: number, index: number): readonly string[] {
  const start = width - right + 22
  return [
    element('polyline', { points: `${pair(x + 7, y)} ${pair(start - 20, labelY)} ${pair(start - 12, labelY)}`, class: 'leader' }),
    markAt(start - 6, labelY, markOf(index)),
    textAt(start + 4, labelY + 4, fitted(label, right - 30), ''),
  ]
}

function markOf(index: number): { shape: (typeof shapes)[number]; tone: string; hollow: boolean } {
  return { shape: shapes[index % shapes.length]!, tone: colourOf(index), hollow: Math.floor(index / shapes.length) % 2 === 1 }
}

function colourOf(index: number): string {
  return `s${(index % seriesColours) + 1}`
}

function pair(x: number, y: number): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`
}
