import { max } from 'd3-array'
import { metricOf } from '../../src-main/contract/metrics.ts'
import type { Results } from '../../src-main/contract/run.ts'
import { formatSigned } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'
import { divergingSteps } from './ramp-colours.svelte.ts'

export interface TaskCell {
  readonly row: number
  readonly column: number
  /** Step of the diverging ramp; the middle is no difference, the upper end better. */
  readonly step: number
  /** Improvement over the baseline: above 0 is better whatever way the metric goes. */
  readonly gain: number
  /** The interval of the difference leaves out 0. */
  readonly clear: boolean
  readonly text: string
}

export interface TaskMatrix {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly cells: readonly TaskCell[]
  /** Gain at the ends of the ramp. */
  readonly reach: number
  /** Adapters that have no room. */
  readonly leftOut: number
}

/** Adapters down, by their mean gain over the tasks, tasks across; only those with differences. At most `mostRows` adapters. */
export function layOutTaskMatrix(results: Results, mostRows: number): TaskMatrix {
  const signs = results.columns.map(({ metric }) => (metricOf(metric).direction === 'higher' ? 1 : -1))
  const rows = results.rows
    .filter(({ subject }) => subject.kind === 'adapter')
    .map(({ subject, cells }) => {
      const gains = cells.map((cell, index) =>
        cell?.difference ? { gain: (signs[index] ?? 1) * cell.difference.value, difference: cell.difference } : null,
      )
      const known = gains.flatMap((entry) => (entry ? [entry.gain] : []))
      return { label: subject.label, gains, mean: known.length === 0 ? null : known.reduce((sum, gain) => sum + gain, 0) / known.length }
    })
    .filter(({ mean }) => mean !== null)
    .sort((left, right) => (right.mean ?? 0) - (left.mean ?? 0) || left.label.localeCompare(right.label))
  const shown = rows.slice(0, mostRows)
  const reach = max(shown, ({ gains }) => max(gains, (entry) => Math.abs(entry?.gain ?? 0))) ?? 0
  const middle = (divergingSteps - 1) / 2
  const cells = shown.flatMap(({ label, gains }, row) =>
    gains.flatMap((entry, column): TaskCell[] => {
      if (!entry) return []
      const { gain, difference } = entry
      const clear = difference.low > 0 || difference.high < 0
      return [
        {
          row,
          column,
          step: reach === 0 ? middle : Math.round(middle + (gain / reach) * middle),
          gain,
          clear,
          text: `${label} on ${results.columns[column]?.title ?? ''}: ${formatSigned(gain, 3)} better than the baseline${clear ? '' : ', not clear'}, n = ${difference.n}`,
        },
      ]
    }),
  )
  return {
    rows: shown.map(({ label }) => label),
    columns: results.columns.map(({ title }) => title),
    cells,
    reach,
    leftOut: rows.length - shown.length,
  }
}

export function taskMatrixTable({ rows, columns, cells }: TaskMatrix): ChartTable {
  const gains = new Map(cells.map((cell) => [`${cell.row} ${cell.column}`, cell.gain]))
  return {
    columns: [{ label: 'adapter', numeric: false }, ...columns.map((label) => ({ label, numeric: true }))],
    rows: rows.map((name, row) => [name, ...columns.map((_, column) => gains.get(`${row} ${column}`) ?? null)]),
  }
}
