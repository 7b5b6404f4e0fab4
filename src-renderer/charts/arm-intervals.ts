import type { Estimate } from '../../src-main/contract/comparison.ts'
import { formatCount } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import { ticksAcross, type Tick } from './axis-ticks.ts'
import type { ChartArm, ChartTask, Measure, StudyValues } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { armLooks, roleLooks } from './data-colours.ts'
import { extremesOf, placeRows, scaleAcross, type IntervalRow, type PlacedRow } from './interval-rows.ts'
import { nameRoom, textWidth } from './labels.ts'
import type { MarkPlace } from './walk.ts'

/** What the estimates are drawn with. */
export interface ArmIntervalInput {
  readonly arms: readonly ChartArm[]
  readonly estimates: readonly Estimate[]
  readonly measure: Measure
  readonly intervalKind: string
  readonly study: StudyValues | null
}

export interface ArmPanel {
  readonly task: string | null
  readonly title: string
  readonly x: number
  readonly y: number
  readonly rows: readonly PlacedRow[]
  /** Arm of each row. */
  readonly arms: readonly string[]
  readonly level: number | null
  /** Index of its first mark. */
  readonly first: number
}

export interface ArmPanels {
  readonly panels: readonly ArmPanel[]
  /** Names of the rows left of the panels; empty where the rows carry their own. */
  readonly names: readonly { readonly key: string; readonly label: string; readonly y: number }[]
  readonly places: readonly MarkPlace[]
  readonly ticks: readonly Tick[]
  readonly nameRoom: number
  readonly plotWidth: number
  readonly height: number
  readonly rowHeight: number
  /** Of the rows of a panel. */
  readonly rowsHeight: number
}

const rowHeight = 22
const axisHeight = 20
const panelTitle = 20
const panelGap = 46

/** The rows of a place, best first, equal ones in the order of the plan. */
export function armRows(input: ArmIntervalInput, task: string | null): readonly IntervalRow[] {
  const { arms, estimates, measure, intervalKind, study } = input
  const looks = armLooks(arms)
  return estimates
    .filter((estimate) => estimate.task === task && arms.some(({ id }) => id === estimate.arm))
    .map((estimate) => {
      const arm = arms.find(({ id }) => id === estimate.arm)
      const { value, low, high } = estimate.interval
      const reference = (arm?.role ? study?.[arm.role] : null) ?? null
      return {
        key: estimate.arm,
        label: arm?.label ?? estimate.arm,
        look: looks.get(estimate.arm) ?? roleLooks.merged,
        interval: estimate.interval,
        study: reference,
        numbers: `${measure.write(value)} (${measure.write(low)} to ${measure.write(high)})`,
        text: [
          `${arm?.label ?? estimate.arm}: ${measure.write(value)}, ${intervalKind} interval from ${measure.write(low)} to ${measure.write(high)}`,
          `n = ${formatCount(estimate.examples)} examples, ${plural(estimate.seeds, 'seed')}`,
          ...(reference === null ? [] : [`the study’s value ${measure.write(reference)}`]),
        ].join('; '),
        overall: false,
      }
    })
    .sort((left, right) => right.interval.value - left.interval.value)
}

/** One drawing of all arms on a place, with their numbers beside where there is room. */
export function layOutArms(input: ArmIntervalInput, task: string | null, width: number): ArmPanels & { readonly numbersAt: number } {
  const rows = armRows(input, task)
  const names = nameRoom(
    rows.map(({ label }) => label),
    width,
  )
  const numbers = width < 560 ? 0 : Math.max(...rows.map((row) => textWidth(row.numbers)), 0) + 16
  const plotWidth = Math.max(60, width - names - Math.max(numbers, 24))
  const scale = scaleAcross(extremesOf(rows), { width: plotWidth, bounds: input.measure.bounds })
  const placed = placeRows(rows, scale, rowHeight)
  const panel = { task, title: '', x: 0, y: 0, rows: placed, arms: rows.map(({ key }) => key), level: levelOf(input, placed), first: 0 }
  return {
    panels: [panel],
    names: [],
    places: rows.map((_, row) => ({ row, column: 0 })),
    ticks: ticksAcross(scale, input.measure.write),
    nameRoom: names,
    plotWidth,
    height: rows.length * rowHeight + axisHeight,
    rowHeight,
    rowsHeight: rows.length * rowHeight,
    numbersAt: numbers === 0 ? 0 : width,
  }
}

/** A small panel for each task, all with the same arms in the same order (by the mean over these tasks) and on the same scale. */
export function layOutPanels(input: ArmIntervalInput, tasks: readonly ChartTask[], width: number): ArmPanels {
  const byTask = tasks.map(({ id }) => armRows(input, id))
  const means = new Map<string, number>()
  for (const { id } of input.arms) {
    const values = byTask.flatMap((rows) => rows.filter(({ key }) => key === id).map(({ interval }) => interval.value))
    if (values.length > 0) means.set(id, values.reduce((sum, value) => sum + value, 0) / values.length)
  }
  const order = [...means.keys()].sort((left, right) => (means.get(right) ?? 0) - (means.get(left) ?? 0))
  const names = nameRoom(
    order.map((id) => input.arms.find((arm) => arm.id === id)?.label ?? id),
    width,
    0.26,
  )
  const across = Math.max(1, Math.min(tasks.length, 4, Math.floor((width - names) / 200)))
  const plotWidth = Math.max(60, (width - names - (across - 1) * panelGap - 24) / across)
  const scale = scaleAcross(byTask.flatMap(extremesOf), { width: plotWidth, bounds: input.measure.bounds })
  const panelHeight = panelTitle + order.length * rowHeight + axisHeight + 12
  let first = 0
  const panels = tasks.map(({ id, title }, index): ArmPanel => {
    const column = index % across
    const placed = placeRows(byTask[index] ?? [], scale, rowHeight).map((row) => ({ ...row, y: order.indexOf(row.key) * rowHeight }))
    const rows = placed.sort((left, right) => left.y - right.y)
    const panel = {
      task: id,
      title,
      x: names + column * (plotWidth + panelGap),
      y: Math.floor(index / across) * panelHeight + panelTitle,
      rows,
      arms: rows.map(({ key }) => key),
      level: levelOf(input, rows),
      first,
    }
    first += rows.length
    return panel
  })
  const labels = order.map((id) => input.arms.find((arm) => arm.id === id)?.label ?? id)
  return {
    panels,
    names: Array.from({ length: Math.ceil(tasks.length / across) }, (_, band) =>
      labels.map((label, row) => ({ key: `${band} ${row}`, label, y: band * panelHeight + panelTitle + row * rowHeight })),
    ).flat(),
    places: panels.flatMap((panel) => panel.rows.map((row) => ({ row: panel.y + row.y, column: panel.x }))),
    ticks: ticksAcross(scale, input.measure.write),
    nameRoom: names,
    plotWidth,
    height: Math.ceil(tasks.length / across) * panelHeight - 12,
    rowHeight,
    rowsHeight: order.length * rowHeight,
  }
}

function levelOf(input: ArmIntervalInput, rows: readonly PlacedRow[]): number | null {
  const base = input.arms.find(({ role }) => role === 'base')
  return rows.find(({ key }) => key === base?.id)?.at ?? null
}

/** What the values say at a glance: the best arm, where it stands, and the base model. Values of arms are not yet differences: no word of clearly. */
export function armFinding(input: ArmIntervalInput, task: string | null): string {
  const rows = armRows(input, task)
  const best = rows[0]
  if (!best) return 'Nothing is measured yet'
  const base = rows.find(({ key }) => input.arms.find(({ id }) => id === key)?.role === 'base')
  const write = input.measure.write
  if (rows.length === 1) return `${best.label}: ${write(best.interval.value)}`
  if (!base) return `${best.label} is highest, at ${write(best.interval.value)}`
  if (base.key === best.key) return `No arm is above ${base.label}, at ${write(base.interval.value)}`
  return `${best.label} is highest, at ${write(best.interval.value)}; ${base.label} ${write(base.interval.value)}`
}

/** Which arm is highest on most of the tasks. */
export function panelFinding(input: ArmIntervalInput, tasks: readonly ChartTask[]): string {
  const wins = new Map<string, number>()
  let measured = 0
  for (const { id } of tasks) {
    const best = armRows(input, id)[0]
    if (!best) continue
    measured += 1
    wins.set(best.label, (wins.get(best.label) ?? 0) + 1)
  }
  const [most] = [...wins].sort((left, right) => right[1] - left[1])
  return most ? `${most[0]} is highest on ${most[1]} of ${plural(measured, 'task')}` : 'Nothing is measured yet'
}

/** The numbers of the places drawn: a row for each arm and place. */
export function armTable(input: ArmIntervalInput, tasks: readonly ChartTask[] | null, task: string | null): ChartTable {
  const places = tasks ?? [{ id: task, title: '' }]
  const numeric = ['value', 'low', 'high', 'examples', 'seeds', ...(input.study ? ['study’s value'] : [])]
  const count = { format: formatCount }
  return {
    columns: [
      ...(tasks ? [{ label: 'task', numeric: false }] : []),
      { label: 'arm', numeric: false },
      ...numeric.map((label) => ({ label, numeric: true, ...(label === 'examples' || label === 'seeds' ? count : {}) })),
    ],
    rows: places.flatMap(({ id, title }) =>
      armRows(input, id).map(({ key, label, interval, study }) => {
        const estimate = input.estimates.find((known) => known.task === id && known.arm === key)
        return [
          ...(tasks ? [title] : []),
          label,
          interval.value,
          interval.low,
          interval.high,
          estimate?.examples ?? null,
          estimate?.seeds ?? null,
          ...(input.study ? [study] : []),
        ]
      }),
    ),
  }
}
