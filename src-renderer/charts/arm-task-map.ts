import type { Comparison, Estimate } from '../../src-main/contract/comparison.ts'
import { formatCount } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import { labelOf, type ChartArm, type ChartTask, type Measure } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { rampOver, type Ramp, type ValueCell } from './value-cells.ts'

/** What the map is drawn from. */
export interface ArmTaskInput {
  readonly arms: readonly ChartArm[]
  readonly tasks: readonly ChartTask[]
  readonly estimates: readonly Estimate[]
  readonly comparisons: readonly Comparison[]
  readonly baseline: string
  readonly measure: Measure
  readonly intervalKind: string
  readonly show: 'values' | 'differences'
  readonly order: 'mean' | 'given'
}

/** A cell with the arm and the task that it opens; task null in the row of means. */
export interface ArmTaskCell extends ValueCell {
  readonly arm: string
  readonly task: string | null
}

export interface ArmTaskMap {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly cells: readonly ArmTaskCell[]
  readonly ramp: Ramp
  /** 1 where the first row holds the means over the tasks. */
  readonly leading: number
  /** Tasks that have no room; the table has them. */
  readonly leftOut: number
  /** Of the cells of tasks those whose difference is clear, above and below 0. */
  readonly clear: { readonly above: number; readonly below: number; readonly of: number }
}

/** Marks that a drawing holds before it is cut. */
export const mostCells = 3000

/** Arms across and tasks down, the best first; above them the means over the tasks. The baseline has no column among its differences. */
export function layOutArmTaskMap(input: ArmTaskInput): ArmTaskMap {
  const values = valuesOf(input)
  const shownArms = input.arms.filter(({ id }) => input.tasks.some(({ id: task }) => values.has(keyOf(id, task))))
  const arms = sorted(shownArms, input.order, ({ id }) => input.tasks.flatMap(({ id: task }) => values.get(keyOf(id, task))?.value ?? []))
  const known = input.tasks.filter(({ id }) => arms.some((arm) => values.has(keyOf(arm.id, id))))
  const tasks = sorted(known, input.order, ({ id }) => arms.flatMap((arm) => values.get(keyOf(arm.id, id))?.value ?? []))
  const shown = tasks.slice(0, Math.max(1, Math.floor(mostCells / Math.max(1, arms.length))))
  const leading = tasks.length > 1 && arms.some(({ id }) => values.has(keyOf(id, null))) ? 1 : 0
  const rows: readonly (ChartTask | null)[] = [...(leading === 1 ? [null] : []), ...shown]
  const cells = rows.flatMap((task, row) =>
    arms.flatMap((arm, column): ArmTaskCell[] => {
      const found = values.get(keyOf(arm.id, task?.id ?? null))
      return found ? [cellOf(input, arm, task, found, { row, column })] : []
    }),
  )
  const ofTasks = [...values].filter(([key]) => !key.endsWith(meanKey)).map(([, value]) => value)
  return {
    rows: rows.map((task) => task?.title ?? 'Mean over the tasks'),
    columns: arms.map(({ label }) => label),
    cells,
    ramp: rampOver(
      input.show === 'values' ? 'sequential' : 'diverging',
      cells.filter(({ task }) => task !== null).map(({ value }) => value),
    ),
    leading,
    leftOut: tasks.length - shown.length,
    clear: {
      above: ofTasks.filter(({ low }) => input.show === 'differences' && low > 0).length,
      below: ofTasks.filter(({ high }) => input.show === 'differences' && high < 0).length,
      of: ofTasks.length,
    },
  }
}

interface Found {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly examples: number | null
}

const meanKey = '\u0000'
const keyOf = (arm: string, task: string | null): string => `${arm}\u0001${task ?? meanKey}`

function valuesOf({ show, estimates, comparisons, baseline }: ArmTaskInput): ReadonlyMap<string, Found> {
  return show === 'values'
    ? new Map(estimates.map(({ arm, task, interval, examples }) => [keyOf(arm, task), { ...interval, examples }]))
    : new Map(
        comparisons
          .filter(({ to }) => to === baseline)
          .map(({ arm, task, interval }) => [keyOf(arm, task), { ...interval, examples: null }]),
      )
}

function sorted<Item>(items: readonly Item[], order: 'mean' | 'given', valuesOfItem: (item: Item) => readonly number[]): readonly Item[] {
  if (order === 'given') return items
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const means = new Map(items.map((item) => [item, mean(valuesOfItem(item))]))
  return [...items].sort((left, right) => (means.get(right) ?? 0) - (means.get(left) ?? 0))
}

function cellOf(
  { show, measure, arms, baseline, intervalKind }: ArmTaskInput,
  arm: ChartArm,
  task: ChartTask | null,
  { value, low, high, examples }: Found,
  place: { readonly row: number; readonly column: number },
): ArmTaskCell {
  const where = `${arm.label}, ${task?.title ?? 'mean over the tasks'}`
  const write = show === 'values' ? measure.write : measure.writeDifference
  const clear = low > 0 || high < 0
  const span = `${intervalKind} interval from ${write(low)} to ${write(high)}`
  return {
    ...place,
    value,
    number: write(value).replace(/\s*%$/, ''),
    strong: show === 'differences' && clear,
    text:
      show === 'values'
        ? `${where}: ${write(value)}, ${span}${examples === null ? '' : `, n = ${formatCount(examples)} examples`}`
        : `${where}: ${write(value)} ${measure.differenceUnit} to ${labelOf(arms, baseline)}, ${span}${clear ? '' : ', not clear'}`,
    arm: arm.id,
    task: task?.id ?? null,
  }
}

/** What the map says at a glance. */
export function armTaskFinding(input: ArmTaskInput, { clear, columns, rows, leading }: ArmTaskMap): string {
  if (clear.of === 0)
    return input.show === 'values' ? 'Nothing is measured yet' : `Nothing can be compared with ${labelOf(input.arms, input.baseline)} yet`
  if (input.show === 'values') return `${columns[0] ?? ''} has the highest mean over ${plural(rows.length - leading, 'task')}`
  const to = labelOf(input.arms, input.baseline)
  return `${formatCount(clear.above)} of ${plural(clear.of, 'pair')} of arm and task ${clear.above === 1 ? 'is' : 'are'} clearly better than ${to}, ${formatCount(clear.below)} clearly worse`
}

/** All tasks down, all arms across, as the map orders them; also what has no room in the drawing. */
export function armTaskTable(input: ArmTaskInput): ChartTable {
  const values = valuesOf(input)
  const arms = input.arms.filter(({ id }) => input.tasks.some(({ id: task }) => values.has(keyOf(id, task))))
  const rows: readonly (ChartTask | null)[] = [...(arms.some(({ id }) => values.has(keyOf(id, null))) ? [null] : []), ...input.tasks]
  return {
    columns: [{ label: 'task', numeric: false }, ...arms.map(({ label }) => ({ label, numeric: true }))],
    rows: rows.map((task) => [
      task?.title ?? 'Mean over the tasks',
      ...arms.map(({ id }) => values.get(keyOf(id, task?.id ?? null))?.value ?? null),
    ]),
  }
}
