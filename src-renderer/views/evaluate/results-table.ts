import { metricOf } from '../../../src-main/contract/metrics.ts'
import type { Results } from '../../../src-main/contract/run.ts'
import type { ChartTable } from '../../charts/chart-table.ts'

/** Results as a table of numbers, one line for each model and task. */
export function resultsTable(results: Results): ChartTable {
  const numeric = ['value', 'low', 'high', 'n', 'left out', 'difference', 'difference low', 'difference high']
  const words = ['model', 'task', 'split', 'metric', 'direction']
  return {
    columns: [...words.map((label) => ({ label, numeric: false })), ...numeric.map((label) => ({ label, numeric: true }))],
    rows: results.rows.flatMap(({ subject, cells }) =>
      cells.flatMap((cell, index) => {
        const column = results.columns[index]
        if (!cell || !column) return []
        const { run, difference } = cell
        return [
          [
            subject.label,
            column.taskId,
            column.split,
            column.metric,
            metricOf(column.metric).direction,
            run.value,
            run.low,
            run.high,
            run.done,
            run.skipped,
            difference?.value ?? null,
            difference?.low ?? null,
            difference?.high ?? null,
          ],
        ]
      }),
    ),
  }
}
