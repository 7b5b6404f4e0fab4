import { shownChange, shownNumber, type Interval, type Unit } from '../numbers.ts'
import { linearScale, rangeOf } from './scale.ts'
import { drawing, element, fitted, lineFrom, textAt } from './svg.ts'
import { tickText } from './tick-text.ts'

export interface StairStep {
  readonly label: string
  readonly value: number
  /** How much better it is than the step before, with its interval; null for the first. */
  readonly added: Interval | null
}

export interface Stairs {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly axis: string
  readonly unit: Unit
  /** Of the metric: where less is better, a step forward goes to the left. */
  readonly direction: 'higher' | 'lower'
  readonly steps: readonly StairStep[]
}

const width = 860
const left = 240
const right = 190
const rowHeight = 30
const top = 10

/** Steps from the base model upwards: each bar begins where the one before ended; a step down is hollow. The thin line is the step's interval. */
export function stairs({ id, title, description, axis, unit, direction, steps }: Stairs): string {
  const sign = direction === 'lower' ? -1 : 1
  const bars = steps.map(({ label, value, added }, index): Bar => {
    const before = steps[index - 1]?.value ?? value
    return { label, value, before, added, ends: added && { low: before + sign * added.low, high: before + sign * added.high } }
  })
  const bottom = top + steps.length * rowHeight
  const ends = bars.flatMap(({ value, before, ends: interval }) => [value, before, ...(interval ? [interval.low, interval.high] : [])])
  const { place, ticks } = linearScale(rangeOf(ends), [left, width - right])
  return drawing({ width, height: bottom + 40 }, { id, title, description }, [
    ...ticks.flatMap((tick) => [
      lineFrom(place(tick), top, place(tick), bottom, 'grid'),
      textAt(place(tick), bottom + 15, tickText(tick, ticks, unit), 'quiet small number', 'middle'),
    ]),
    textAt((left + width - right) / 2, bottom + 33, axis, 'quiet small', 'middle'),
    ...bars.flatMap((bar, index) => barOf(bar, index, index === bars.length - 1, place, unit)),
  ])
}

interface Bar extends StairStep {
  readonly before: number
  readonly ends: { readonly low: number; readonly high: number } | null
}

function barOf({ label, value, before, added, ends }: Bar, index: number, isLast: boolean, place: (value: number) => number, unit: Unit) {
  const middle = top + (index + 0.5) * rowHeight
  const [from, to] = [Math.min(place(before), place(value)), Math.max(place(before), place(value))]
  const look = added && added.value < 0 ? 'step down' : 'step'
  return [
    textAt(left - 10, middle + 4, fitted(label, left - 16), '', 'end'),
    added
      ? element('rect', { x: from, y: middle - 7, width: Math.max(1.5, to - from), height: 14, class: look })
      : element('rect', { x: place(value) - 4, y: middle - 4, width: 8, height: 8, class: 'mark base' }),
    ...(ends ? whisker(place(ends.low), place(ends.high), middle + 11) : []),
    // Leads the eye from the end of this step to the beginning of the next.
    ...(isLast ? [] : [lineFrom(place(value), middle + 7, place(value), middle + rowHeight - 7, 'axis')]),
    textAt(width - right + 10, middle + 4, shownNumber(value, unit), 'strong number'),
    ...(added ? [textAt(width - right + 52, middle + 4, shownChange(added, unit), 'quiet small number')] : []),
  ]
}

function whisker(start: number, end: number, y: number): readonly string[] {
  return [lineFrom(start, y, end, y, 'axis'), lineFrom(start, y - 3, start, y + 3, 'axis'), lineFrom(end, y - 3, end, y + 3, 'axis')]
}
