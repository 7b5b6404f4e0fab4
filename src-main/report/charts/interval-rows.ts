import { shownChange, shownInterval, type Interval, type Unit } from '../numbers.ts'
import { markAt, type ArmLook } from './marks.ts'
import { linearScale, rangeOf } from './scale.ts'
import { drawing, element, escapeMarkup, fitted, lineFrom, textAt } from './svg.ts'
import { tickText } from './tick-text.ts'

/** One line of the chart: a name, a mark with its interval, and the numbers in words. */
export interface IntervalRow {
  readonly label: string
  readonly interval: Interval
  readonly look: ArmLook
  /** The one that matters most. */
  readonly strong: boolean
}

export interface IntervalRows {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly axis: string
  readonly unit: Unit
  readonly rows: readonly IntervalRow[]
  /** values: what arms reach, with a dashed line at `line` (the base model). differences: signed, with a line at 0 and a band of the margin. */
  readonly of: 'values' | 'differences'
  readonly line: { readonly value: number; readonly label: string } | null
  /** Half the width of the band around 0; null for none. */
  readonly margin: number | null
  /** Pixels for the names. */
  readonly labelWidth: number
}

const width = 860
const right = 140
const rowHeight = 24
const top = 26

/** Values, or differences, as marks with their intervals, one line each, the numbers written beside. */
export function intervalRows({ id, title, description, axis, unit, rows, of, line, margin, labelWidth: left }: IntervalRows): string {
  const bottom = top + rows.length * rowHeight
  const shown = rows.flatMap(({ interval }) => [interval.low, interval.high, interval.value])
  const [low, high] = rangeOf([
    ...shown,
    ...(of === 'differences' ? [0] : []),
    ...(line ? [line.value] : []),
    ...(margin === null ? [] : [-margin, margin]),
  ])
  const { place, ticks } = linearScale([low, high], [left, width - right])
  const inside = (value: number): number => Math.min(width - right, Math.max(left, place(value)))
  const band =
    margin === null
      ? []
      : [element('rect', { x: inside(-margin), y: top, width: inside(margin) - inside(-margin), height: bottom - top, class: 'margin' })]
  return drawing({ width, height: bottom + 40 }, { id, title, description }, [
    ...band,
    ...ticks.flatMap((tick) => [
      lineFrom(place(tick), top, place(tick), bottom, of === 'differences' && tick === 0 ? 'zero' : 'grid'),
      textAt(place(tick), bottom + 15, tickText(tick, ticks, unit), 'quiet small number', 'middle'),
    ]),
    textAt((left + width - right) / 2, bottom + 33, axis, 'quiet small', 'middle'),
    ...(line
      ? [lineFrom(place(line.value), top - 4, place(line.value), bottom, 'baseline'), lineWords(place(line.value), left, line.label)]
      : []),
    ...rows.flatMap((row, index) => rowOf(row, top + (index + 0.5) * rowHeight, left, place, of, unit)),
  ])
}

function lineWords(x: number, left: number, label: string): string {
  const anchor = x > width / 2 + 100 ? 'end' : x < left + 60 ? 'start' : 'middle'
  return textAt(x, top - 9, label, 'quiet small', anchor)
}

function rowOf(
  { label, interval, look, strong }: IntervalRow,
  y: number,
  left: number,
  place: (value: number) => number,
  of: IntervalRows['of'],
  unit: Unit,
): readonly string[] {
  const short = fitted(label, left - 16)
  const words = of === 'values' ? shownInterval(interval, unit) : shownChange(interval, unit)
  const [start, end] = [place(interval.low), place(interval.high)]
  return [
    element('g', {}, [
      ...(short === label ? [] : [element('title', {}, [escapeMarkup(label)])]),
      textAt(left - 10, y + 4, short, strong ? 'strong' : '', 'end'),
      lineFrom(start, y, end, y, `interval ${look.tone}`.trim()),
      lineFrom(start, y - 4, start, y + 4, `interval ${look.tone}`.trim()),
      lineFrom(end, y - 4, end, y + 4, `interval ${look.tone}`.trim()),
      markAt(place(interval.value), y, look),
      textAt(width - right + 10, y + 4, words, strong ? 'number small strong' : 'number small'),
    ]),
  ]
}
