import type { Interval, Unit } from '../numbers.ts'
import { markAt, type ArmLook } from './marks.ts'
import { linearScale, logScale, rangeOf, spread } from './scale.ts'
import { drawing, element, fitted, lineFrom, textAt } from './svg.ts'
import { largeText, tickText } from './tick-text.ts'

export interface CostGainPoint {
  readonly label: string
  /** Above 0. */
  readonly cost: number
  readonly gain: Interval
  readonly look: ArmLook
}

export interface CostGain {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly xAxis: string
  readonly yAxis: string
  readonly unit: Unit
  readonly points: readonly CostGainPoint[]
}

const width = 860
const left = 60
const right = 250
const top = 14
const least = 16
/** Pixels between two marks of one cost. */
const apart = 12

/** Gain on the base model against cost (logarithmic), each point with its interval; names stand in one column, joined to their points. */
export function costGain({ id, title, description, xAxis, yAxis, unit, points }: CostGain): string {
  const height = Math.max(260, points.length * least + 20)
  const bottom = top + height
  const y = linearScale(rangeOf([0, ...points.flatMap(({ gain }) => [gain.value, gain.low, gain.high])]), [bottom, top], 5)
  const costs = points.map(({ cost }) => cost)
  const x = logScale([Math.min(...costs), Math.max(...costs)], [left + 20, width - right - 20])
  const places = sideBySide(costs.map(x.place))
  const labels = spread(
    // Of marks at one height the one on the right is named first: so their lines do not cross.
    points.map(({ gain }, index) => y.place(gain.value) - places[index]! / 1e4),
    least,
    top + 4,
    bottom,
  )
  return drawing({ width, height: bottom + 42 }, { id, title, description }, [
    ...y.ticks.flatMap((tick) => [
      lineFrom(left, y.place(tick), width - right, y.place(tick), tick === 0 ? 'zero' : 'grid'),
      textAt(left - 6, y.place(tick) + 4, tickText(tick, y.ticks, unit), 'quiet small number', 'end'),
    ]),
    ...x.ticks.flatMap((tick) => [
      lineFrom(x.place(tick), bottom, x.place(tick), bottom + 4, 'axis'),
      textAt(x.place(tick), bottom + 17, largeText(tick), 'quiet small number', 'middle'),
    ]),
    textAt((left + width - right) / 2, bottom + 36, xAxis, 'quiet small', 'middle'),
    element('g', { transform: `translate(14 ${top + height / 2}) rotate(-90)` }, [textAt(0, 0, yAxis, 'quiet small', 'middle')]),
    ...points.map(({ gain }, index) => leaderOf(places[index]!, y.place(gain.value), labels[index]!)),
    ...points.flatMap(({ label, gain, look }, index) => [
      lineFrom(places[index]!, y.place(gain.low), places[index]!, y.place(gain.high), `interval ${look.tone}`.trim()),
      markAt(places[index]!, y.place(gain.value), look),
      textAt(width - right + 18, labels[index]! + 4, fitted(label, right - 24), look.tone === '' ? '' : 'strong'),
    ]),
  ])
}

function leaderOf(x: number, y: number, labelY: number): string {
  const end = width - right + 14
  return element('polyline', {
    points: [
      [x + 7, y],
      [end - 24, labelY],
      [end, labelY],
    ]
      .map(([px, py]) => `${px!.toFixed(1)},${py!.toFixed(1)}`)
      .join(' '),
    class: 'leader',
  })
}

/** Places of marks that would cover each other, moved apart around their common one. */
function sideBySide(places: readonly number[]): readonly number[] {
  const order = places.map((_, index) => index).sort((one, other) => places[one]! - places[other]! || one - other)
  const groups = order.reduce<number[][]>((found, index) => {
    const last = found.at(-1)
    if (last && places[index]! - places[last[0]!]! < apart) last.push(index)
    else found.push([index])
    return found
  }, [])
  const moved = [...places]
  for (const group of groups) group.forEach((index, place) => (moved[index]! += (place - (group.length - 1) / 2) * apart))
  return moved
}
