import { readDifference, type Comparison } from '../../src-main/contract/comparison.ts'
import { formatNumber } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import { ticksAcross, type Tick } from './axis-ticks.ts'
import { labelOf, readingWords, type ChartArm, type ChartTask, type Measure, type Reading } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { armLooks, roleLooks } from './data-colours.ts'
import { extremesOf, placeRows, scaleAcross, type IntervalRow, type PlacedRow } from './interval-rows.ts'
import { nameRoom, textWidth } from './labels.ts'

/** What the differences are drawn with. */
export interface ForestInput {
  readonly arms: readonly ChartArm[]
  readonly comparisons: readonly Comparison[]
  readonly baseline: string
  readonly margin: number
  readonly measure: Measure
  readonly intervalKind: string
  readonly tasks: readonly ChartTask[]
}

/** Rows by arm on a task (null: over all tasks), or by task of one arm. */
export type ForestRows = { readonly by: 'arms'; readonly task: string | null } | { readonly by: 'tasks'; readonly arm: string }

export interface DifferenceRow extends IntervalRow {
  readonly arm: string
  readonly task: string | null
  readonly comparison: Comparison
  readonly reading: Reading
}

export interface ForestLayout {
  readonly rows: readonly PlacedRow[]
  readonly nameRoom: number
  readonly plotWidth: number
  readonly ticks: readonly Tick[]
  /** Where no difference lies. */
  readonly zero: number
  /** From the margin below 0 to that above. */
  readonly band: readonly [number, number]
  readonly rowHeight: number
  readonly height: number
  /** Right end of the numbers; null where there is no room for them. */
  readonly numbersAt: number | null
}

const rowHeight = 22
const axisHeight = 20

/** Differences from the largest to the least; of tasks the mean over all comes first. */
export function differenceRows(input: ForestInput, wanted: ForestRows): readonly DifferenceRow[] {
  const looks = armLooks(input.arms)
  const to = labelOf(input.arms, input.baseline)
  return input.comparisons
    .filter((one) => one.to === input.baseline && (wanted.by === 'arms' ? one.task === wanted.task : one.arm === wanted.arm))
    .map((comparison): DifferenceRow => {
      const { arm, task, interval, detectable, adjusted } = comparison
      const overall = wanted.by === 'tasks' && task === null
      const reading = readDifference(interval, input.margin)
      const title = task === null ? 'Mean over the tasks' : (input.tasks.find(({ id }) => id === task)?.title ?? task)
      const write = input.measure.writeDifference
      const span = `${write(interval.low)} to ${write(interval.high)}`
      return {
        key: wanted.by === 'arms' ? arm : (task ?? ''),
        label: wanted.by === 'arms' ? labelOf(input.arms, arm) : title,
        look: looks.get(arm) ?? roleLooks.merged,
        interval,
        study: null,
        numbers: `${write(interval.value)} (${span}) ${readingWords[reading]}`,
        text: [
          `${labelOf(input.arms, arm)} minus ${to}${wanted.by === 'tasks' ? `, ${title}` : ''}: ${write(interval.value)} ${input.measure.differenceUnit}`,
          `${input.intervalKind} interval from ${span}: ${readingWords[reading]}`,
          ...(adjusted === null ? [] : [`p ${formatNumber(adjusted)} after Holm`]),
          `so many examples can show ${write(detectable)}`,
        ].join('; '),
        overall,
        arm,
        task,
        comparison,
        reading,
      }
    })
    .sort((left, right) => Number(right.overall) - Number(left.overall) || right.interval.value - left.interval.value)
}

/** The rows on an axis that holds 0 and the margin. */
export function layOutForest(rows: readonly DifferenceRow[], input: ForestInput, width: number): ForestLayout {
  const names = nameRoom(
    rows.map(({ label }) => label),
    width,
  )
  const numbers = width < 640 ? 0 : Math.max(...rows.map((row) => textWidth(row.numbers)), 0) + 16
  const plotWidth = Math.max(60, width - names - Math.max(numbers, 24))
  const { margin } = input
  const scale = scaleAcross([...extremesOf(rows), 0, -margin, margin], { width: plotWidth, bounds: [-Infinity, Infinity] })
  return {
    rows: placeRows(rows, scale, rowHeight),
    nameRoom: names,
    plotWidth,
    ticks: ticksAcross(scale, input.measure.writeDifference),
    zero: scale(0),
    band: [scale(-margin), scale(margin)],
    rowHeight,
    height: rows.length * rowHeight + axisHeight,
    numbersAt: numbers === 0 ? null : width,
  }
}

/** How many differences are clear, by their intervals. */
export function forestFinding(rows: readonly DifferenceRow[], input: ForestInput, wanted: ForestRows): string {
  const to = labelOf(input.arms, input.baseline)
  const single = rows.filter(({ overall }) => !overall)
  if (single.length === 0) return `Nothing can be compared with ${to} yet`
  const count = (reading: Reading): number => single.filter((row) => row.reading === reading).length
  const [above, below, open] = [count('above'), count('below'), count('undecided')]
  const rest = [below > 0 ? `${below} clearly worse` : '', open > 0 ? `${open} not decidable` : ''].filter((part) => part !== '')
  const [subject, of] =
    wanted.by === 'tasks'
      ? [`${labelOf(input.arms, wanted.arm)} is clearly better than ${to} on ${above} of ${plural(single.length, 'task')}`, '']
      : [`${above} of ${plural(single.length, 'arm')}`, ` ${above === 1 ? 'is' : 'are'} clearly better than ${to}`]
  return [`${subject}${of}`, ...rest].join(', ')
}

export function forestTable(rows: readonly DifferenceRow[], wanted: ForestRows): ChartTable {
  const probability = { numeric: true, format: (value: number) => formatNumber(value, 2) }
  return {
    columns: [
      { label: wanted.by === 'arms' ? 'arm' : 'task', numeric: false },
      { label: 'difference', numeric: true },
      { label: 'low', numeric: true },
      { label: 'high', numeric: true },
      { label: 'reads', numeric: false },
      { label: 'p, exact McNemar', ...probability },
      { label: 'p, Holm-adjusted', ...probability },
      { label: 'detectable with 80 %', numeric: true },
    ],
    rows: rows.map(({ label, interval, reading, comparison }) => [
      label,
      interval.value,
      interval.low,
      interval.high,
      readingWords[reading],
      comparison.pValue,
      comparison.adjusted,
      comparison.detectable,
    ]),
  }
}
