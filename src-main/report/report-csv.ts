import type { BudgetComparison } from '../contract/comparison.ts'
import type { PlanDetail } from '../contract/plan-run.ts'
import { byBudget } from './plan-view.ts'
import { aloneOf } from './sections/costs.ts'

/** A cell as it is computed: numbers keep their full precision, null is empty. */
type Cell = string | number | null

/** The tables of the report as files for other programs (RFC 4180): ids instead of labels, shares between 0 and 1. */
export interface CsvFiles {
  readonly estimates: string
  readonly differences: string
  readonly costs: string
  readonly cells: string
}

/** All tables. */
export function renderCsvFiles(detail: PlanDetail): CsvFiles {
  return {
    estimates: csvText([['budget', 'task', 'arm', 'value', 'low', 'high', 'examples', 'seeds'], ...byBudget(detail).flatMap(estimateRows)]),
    differences: csvText([
      ['budget', 'task', 'arm', 'to', 'difference', 'low', 'high', 'p_mcnemar', 'p_holm', 'detectable'],
      ...byBudget(detail).flatMap(differenceRows),
    ]),
    costs: csvText([costHead, ...costRows(detail)]),
    cells: csvText([
      ['cell', 'arm', 'task', 'budget', 'seed', 'state', 'value', 'n', 'adapter', 'app_version', 'problems'],
      ...detail.cells.map((cell): readonly Cell[] => [
        ...[cell.id, cell.arm, cell.task, cell.budget, cell.seed, cell.state, cell.value, cell.n, cell.adapterName, cell.appVersion],
        cell.problems.map(({ code }) => code).join(' '),
      ]),
    ]),
  }
}

/** Estimates and differences in one table: `to` is empty for an estimate. */
export function renderCsv(detail: PlanDetail): string {
  return csvText([
    ['budget', 'task', 'arm', 'to', 'value', 'low', 'high', 'examples', 'seeds', 'p_mcnemar', 'p_holm', 'detectable'],
    ...byBudget(detail).flatMap((comparison): readonly (readonly Cell[])[] => [
      ...estimateRows(comparison).map(([budget, task, arm, ...rest]) => [budget!, task!, arm!, null, ...rest, null, null, null]),
      ...differenceRows(comparison).map(([budget, task, arm, to, value, low, high, ...rest]) => [
        ...[budget!, task!, arm!, to!, value!, low!, high!, null, null],
        ...rest,
      ]),
    ]),
  ])
}

function estimateRows({ budget, estimates }: BudgetComparison): readonly (readonly Cell[])[] {
  return estimates.map(({ arm, task, interval, examples, seeds }) => [
    ...[budget, task ?? '(mean)', arm, interval.value, interval.low, interval.high, examples, seeds],
  ])
}

function differenceRows({ budget, comparisons }: BudgetComparison): readonly (readonly Cell[])[] {
  return comparisons.map(({ arm, to, task, interval, pValue, adjusted, detectable }) => [
    ...[budget, task ?? '(mean)', arm, to, interval.value, interval.low, interval.high, pValue, adjusted, detectable],
  ])
}

const costHead = [
  ...[
    'arm',
    'budget',
    'device',
    'labelled_examples',
    'adapters_scored',
    'selection_tokens',
    'selection_seconds',
    'own_tokens',
    'own_seconds',
  ],
  ...[
    'learning_tokens',
    'learning_seconds',
    'test_tokens',
    'test_seconds',
    'alone_tokens',
    'alone_seconds',
    'spent_tokens',
    'spent_seconds',
  ],
]

function costRows({ costs }: PlanDetail): readonly (readonly Cell[])[] {
  return costs.map(({ arm, budget, cost }) => [
    ...[arm, budget, cost.device, cost.examples, cost.selection.adapters],
    ...[cost.selection, cost.own, cost.learning, cost.test, aloneOf(cost), cost.spent].flatMap(({ tokens, seconds }) => [tokens, seconds]),
  ])
}

function csvText(rows: readonly (readonly Cell[])[]): string {
  return `${rows.map((row) => row.map(cellText).join(',')).join('\r\n')}\r\n`
}

/** Text that a spreadsheet would take for a formula gets an apostrophe before it, as spreadsheets write such text themselves. */
function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
