import { metricOf } from '../../../src-main/contract/metrics.ts'
import type { Difference, Results } from '../../../src-main/contract/run.ts'

/** One adapter alone on a task. */
export interface Leader {
  readonly runId: string
  readonly adapterId: string | null
  readonly label: string
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  readonly n: number
  readonly difference: Difference | null
}

export interface Leaderboard {
  /** The base model's value; null without one. */
  readonly base: number | null
  /** Adapters from the best to the worst; those without a value at the end, equal ones by name. */
  readonly leaders: readonly Leader[]
  /** How many are strictly better than the base model. */
  readonly better: number
}

/** The adapters of one column of the results, in order of their value. */
export function leadersOf(results: Results, column: number): Leaderboard {
  const metric = results.columns[column]?.metric
  const up = metric === undefined || metricOf(metric).direction === 'higher'
  const base = results.rows.find(({ subject }) => subject.kind === 'base')?.cells[column]?.run.value ?? null
  const leaders = results.rows
    .flatMap(({ subject, cells }): Leader[] => {
      const cell = cells[column]
      if (!cell || subject.kind !== 'adapter') return []
      const { id, value, low, high, done } = cell.run
      return [{ runId: id, adapterId: subject.adapterId, label: subject.label, value, low, high, n: done, difference: cell.difference }]
    })
    .sort((left, right) => {
      if (left.value === null || right.value === null) return Number(left.value === null) - Number(right.value === null)
      return (up ? right.value - left.value : left.value - right.value) || left.label.localeCompare(right.label)
    })
  const better = base === null ? 0 : leaders.filter(({ value }) => value !== null && (up ? value > base : value < base)).length
  return { base, leaders, better }
}
