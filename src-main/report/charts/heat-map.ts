import { shownNumber, type Unit } from '../numbers.ts'
import { rampSteps } from './chart-style.ts'
import { drawing, element, escapeMarkup, fitted, letterWidth, textAt } from './svg.ts'

export interface HeatMap {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** values[row][column]; null where there is none. */
  readonly values: readonly (readonly (number | null)[])[]
  readonly shown: (value: number) => string
}

const width = 860
const left = 210
const rowHeight = 22

/** Values as shaded cells with the numbers in them; the shade runs from the least to the largest value. */
export function heatMap({ id, title, description, rows, columns, values, shown }: HeatMap): string {
  const cellWidth = Math.min(90, (width - left - 60) / Math.max(1, columns.length))
  const longest = Math.max(0, ...columns.map((column) => Math.min(28, [...column].length)))
  // Names stand at 45 degrees above their columns.
  const top = 16 + longest * letterWidth * 0.71
  const known = values.flat().filter((value) => value !== null)
  const low = known.reduce((left, right) => Math.min(left, right), Infinity)
  const high = known.reduce((left, right) => Math.max(left, right), -Infinity)
  const stepOf = (value: number): number =>
    high > low ? Math.min(rampSteps - 1, Math.floor(((value - low) / (high - low)) * rampSteps)) : 1
  const cells = rows.flatMap((row, i) => {
    const y = top + i * rowHeight
    return [
      labelled(left - 8, y + 15, row, left - 16, 'end'),
      ...columns.flatMap((_, j) => {
        const value = values[i]?.[j] ?? null
        const x = left + j * cellWidth
        if (value === null) return [textAt(x + cellWidth / 2, y + 15, '\u2013', 'quiet small', 'middle')]
        const step = stepOf(value)
        return [
          element('rect', { x: x + 0.5, y: y + 0.5, width: cellWidth - 1, height: rowHeight - 1, class: `ramp${step}` }),
          textAt(x + cellWidth / 2, y + 15, shown(value), `small number on${step}`, 'middle'),
        ]
      }),
    ]
  })
  const heads = columns.map((column, j) => {
    const x = left + (j + 0.5) * cellWidth
    return element('g', { transform: `translate(${x.toFixed(1)} ${(top - 6).toFixed(1)}) rotate(-45)` }, [
      labelled(0, 0, column, 28 * letterWidth, 'start'),
    ])
  })
  return drawing({ width, height: top + rows.length * rowHeight + 6 }, { id, title, description }, [...heads, ...cells])
}

/** Values of tasks and arms. */
export function taskHeatMap(map: Omit<HeatMap, 'shown'> & { readonly unit: Unit }): string {
  return heatMap({ ...map, shown: (value) => shownNumber(value, map.unit) })
}

function labelled(x: number, y: number, text: string, room: number, anchor: 'start' | 'end'): string {
  const short = fitted(text, room)
  const words = textAt(x, y, short, 'small', anchor)
  return short === text ? words : element('g', {}, [element('title', {}, [escapeMarkup(text)]), words])
}
