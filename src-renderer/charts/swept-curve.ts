import { line as lineOf, area as areaOf } from 'd3-shape'
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale'
import type { SweptCurve } from '../../src-main/contract/comparison.ts'
import { formatCount } from '../format/numbers.ts'
import { thinTicks, ticksUp, type Tick } from './axis-ticks.ts'
import { labelOf, type ChartArm, type Measure } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { armLooks, roleLooks, type ArmLook } from './data-colours.ts'
import { scaleAcross } from './interval-rows.ts'
import { cutLabel, spreadLabels, textWidth } from './labels.ts'
import type { MarkPlace } from './walk.ts'

/** What the curves are drawn with. */
export interface SweptInput {
  readonly arms: readonly ChartArm[]
  readonly curve: SweptCurve
  readonly measure: Measure
  readonly intervalKind: string
  /** Arms that were not varied. */
  readonly levels: readonly { readonly arm: string; readonly value: number }[]
}

export interface SweptMark {
  readonly arm: string
  readonly value: number
  /** What was varied, at this point. */
  readonly setting: number
  readonly x: number
  readonly y: number
  readonly text: string
}

export interface SweptSeries {
  readonly label: string
  readonly look: ArmLook
  readonly line: string
  /** The intervals, from end to end. */
  readonly band: string
  readonly marks: readonly SweptMark[]
}

/** A name beside the end of a line, moved so that names do not touch. */
export interface SideLabel {
  readonly text: string
  readonly y: number
  /** Where its line ends. */
  readonly at: { readonly x: number; readonly y: number }
}

export interface SweptLayout {
  readonly series: readonly SweptSeries[]
  readonly levels: readonly { readonly arm: string; readonly y: number; readonly colour: string; readonly dash: string }[]
  readonly labels: readonly SideLabel[]
  readonly places: readonly MarkPlace[]
  readonly xTicks: readonly Tick[]
  readonly yTicks: readonly Tick[]
  readonly left: number
  readonly plotWidth: number
  readonly plotHeight: number
}

const labelLine = 15
const side = 8

/** Lines with bands over what was varied; examples on a logarithmic axis, all else on a linear one. */
export function layOutSwept(input: SweptInput, width: number): SweptLayout {
  const { arms, curve, measure, levels } = input
  const looks = armLooks(arms)
  const names = [...curve.series.map(({ label }) => label), ...levels.map(({ arm }) => labelOf(arms, arm))]
  const labelRoom = Math.ceil(Math.min(Math.max(...names.map(textWidth), 0) + 18, Math.max(80, width * 0.3)))
  const plotHeight = Math.max(250, names.length * labelLine)
  const left = 56
  const plotWidth = Math.max(80, width - left - labelRoom)
  const points = curve.series.flatMap((series) => series.points)
  const settings = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other)
  const x = xScale(curve.id, settings, plotWidth)
  const y = scaleAcross([...points.flatMap(({ interval }) => [interval.low, interval.high]), ...levels.map(({ value }) => value)], {
    width: plotHeight,
    bounds: measure.bounds,
    flip: true,
  })
  const series = curve.series.map(({ label, points: own }): SweptSeries => {
    const sorted = [...own].sort((one, other) => one.x - other.x)
    const marks = sorted.map((point) => ({
      arm: point.arm,
      value: point.interval.value,
      setting: point.x,
      x: x(point.x),
      y: y(point.interval.value),
      text: sweptText(input, label, point),
    }))
    const band = areaOf<(typeof sorted)[number]>(
      (point) => x(point.x),
      (point) => y(point.interval.low),
      (point) => y(point.interval.high),
    )
    const line = lineOf<SweptMark>(
      (mark) => mark.x,
      (mark) => mark.y,
    )
    return {
      label,
      look: looks.get(sorted[0]?.arm ?? '') ?? roleLooks.merged,
      line: marks.length < 2 ? '' : (line(marks) ?? ''),
      band: marks.length < 2 ? '' : (band(sorted) ?? ''),
      marks,
    }
  })
  const drawnLevels = levels.map(({ arm, value }) => {
    const look = looks.get(arm) ?? roleLooks.base
    return { arm, y: y(value), colour: look.colour, dash: look.dash }
  })
  const ends = [
    ...series.flatMap(({ marks }) => marks.slice(-1).map(({ x: endX, y: endY }) => ({ x: endX, y: endY }))),
    ...drawnLevels.map((level) => ({ x: plotWidth, y: level.y })),
  ]
  const ending = [
    ...series.filter(({ marks }) => marks.length > 0).map(({ label }) => label),
    ...levels.map(({ arm }) => labelOf(arms, arm)),
  ]
  const spread = spreadLabels(
    ends.map((end) => end.y),
    labelLine,
    plotHeight,
  )
  return {
    series,
    levels: drawnLevels,
    labels: ends.map((at, index) => ({ text: cutLabel(ending[index] ?? '', labelRoom - 18), y: spread[index] ?? at.y, at })),
    places: placesOf(series),
    xTicks: thinTicks(settings.map((value) => ({ value, at: x(value), label: formatCount(value) }))),
    yTicks: ticksUp(y, measure.write),
    left,
    plotWidth,
    plotHeight,
  }
}

/** A line is a row, from the highest to the lowest, so that right goes on along the line and down leads to the one below. */
function placesOf(series: readonly SweptSeries[]): readonly MarkPlace[] {
  const height = ({ marks }: SweptSeries): number => marks.reduce((sum, { y }) => sum + y, 0) / Math.max(1, marks.length)
  const rank = new Map([...series].sort((one, other) => height(one) - height(other)).map((line, row) => [line, row]))
  return series.flatMap((line) => line.marks.map(({ setting }) => ({ row: rank.get(line) ?? 0, column: setting })))
}

function xScale(id: SweptCurve['id'], settings: readonly number[], width: number): ScaleContinuousNumeric<number, number> {
  const [least = 0, most = 1] = [settings[0], settings.at(-1)]
  const range = [side, width - side]
  // A single setting stands in the middle.
  if (least === most) return scaleLinear([least - 1, most + 1], range)
  return id === 'budget' && least > 0 ? scaleLog([least, most], range) : scaleLinear([least, most], range)
}

type Point = SweptCurve['series'][number]['points'][number]

function sweptText({ curve, measure, intervalKind }: SweptInput, label: string, { x, interval, examples }: Point): string {
  const write = measure.write
  return `${label}, ${curve.axis} ${formatCount(x)}: ${write(interval.value)}, ${intervalKind} interval from ${write(interval.low)} to ${write(interval.high)}; n = ${formatCount(examples)} examples`
}

/** A label as it stands in the middle of a sentence; a symbol such as K stays as it is. */
export function inSentence(label: string): string {
  return /^[A-Z][a-z]/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label
}

/** How the curve goes from its first to its last setting, where intervals do not meet; else that no change is clear. */
export function sweptFinding({ curve, measure }: SweptInput): string {
  const axis = inSentence(curve.axis)
  const spans = curve.series.flatMap(({ label, points }) => {
    const sorted = [...points].sort((one, other) => one.x - other.x)
    const [first, last] = [sorted[0], sorted.at(-1)]
    return first && last && first !== last ? [{ label, first, last, change: last.interval.value - first.interval.value }] : []
  })
  const most = spans.toSorted((one, other) => Math.abs(other.change) - Math.abs(one.change))[0]
  if (!most) return `Too few settings for a curve over ${axis}`
  const { first, last } = most
  const apart = first.interval.high < last.interval.low || last.interval.high < first.interval.low
  const range = `(${axis}: ${formatCount(first.x)} to ${formatCount(last.x)})`
  if (!apart) return `No line changes clearly ${range}`
  return `${most.label} ${most.change > 0 ? 'rises' : 'falls'} from ${measure.write(first.interval.value)} to ${measure.write(last.interval.value)} ${range}`
}

export function sweptTable({ curve, arms, levels }: SweptInput): ChartTable {
  const count = { numeric: true, format: formatCount }
  return {
    columns: [
      { label: 'line', numeric: false },
      { label: curve.axis, ...count },
      { label: 'value', numeric: true },
      { label: 'low', numeric: true },
      { label: 'high', numeric: true },
      { label: 'examples', ...count },
    ],
    rows: [
      ...curve.series.flatMap(({ label, points }) =>
        points.map(({ x, interval, examples }) => [label, x, interval.value, interval.low, interval.high, examples]),
      ),
      ...levels.map(({ arm, value }) => [labelOf(arms, arm), null, value, null, null, null]),
    ],
  }
}
