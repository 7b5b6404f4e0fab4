import type { BudgetComparison, SpokenVerdict } from '../../src-main/contract/comparison.ts'
import type { CellCost, PlanCell, PlanDetail } from '../../src-main/contract/plan-run.ts'
import { controlOf } from '../../src-main/contract/controls.ts'
import type { Arm, ArmRole } from '../../src-main/contract/plan.ts'

export type Budget = BudgetComparison['budget']

/** The words of an arm: its label, else its id. */
export function armLabel(arms: readonly Pick<Arm, 'id' | 'label'>[], id: string): string {
  return arms.find((arm) => arm.id === id)?.label ?? id
}

/** What is said at a budget: the wanted one, else the largest that has results ("all" counts as the largest). */
export function comparisonAt(detail: Pick<PlanDetail, 'comparisons'>, budget: Budget | null): BudgetComparison | null {
  const size = ({ budget: at }: BudgetComparison): number => (at === 'all' ? Infinity : at)
  const measured = detail.comparisons.filter(({ estimates }) => estimates.length > 0)
  const wanted = measured.find((comparison) => comparison.budget === budget)
  return wanted ?? [...measured].sort((left, right) => size(right) - size(left))[0] ?? null
}

/** The verdict on a task, or over all (task null). */
export function verdictAt(comparison: Pick<BudgetComparison, 'verdicts'> | null, task: string | null): SpokenVerdict | null {
  return comparison?.verdicts.find((verdict) => verdict.task === task) ?? null
}

/**
 * The task that numbers are of: the chosen one, else null for the mean over all. With a single task, or before every arm has all of them, there is no
 * mean: then the first that was measured.
 */
export function placeOf(comparison: Pick<BudgetComparison, 'estimates'> | null, task: string | null): string | null {
  const measured = new Set(comparison?.estimates.map((estimate) => estimate.task))
  if (task !== null && measured.has(task)) return task
  return measured.has(null) ? null : ([...measured][0] ?? null)
}

export const roleWords: Readonly<Record<ArmRole, string>> = {
  base: 'Base model',
  own: 'Own LoRA',
  merged: 'Tuned merge',
  mergedWithOwn: 'Tuned merge with own LoRA',
  random: 'Random parameters',
  randomWithOwn: 'Own LoRA and random parameters',
  retuned: 'Own LoRA, re-tuned',
}

/** How many of some cells are in each state. */
export interface CellCounts {
  readonly waiting: number
  readonly running: number
  readonly done: number
  readonly failed: number
  readonly left: number
  readonly total: number
}

/** Counted in one pass. */
export function countCells(cells: readonly Pick<PlanCell, 'state'>[]): CellCounts {
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, left: 0 }
  for (const { state } of cells) counts[state] += 1
  return { ...counts, total: cells.length }
}

/** Where a cell stands: its adapter is made first; then the test examples of a task are answered with all of its adapters in one go. */
export type CellStep = Exclude<PlanCell['state'], 'running'> | 'making' | 'made' | 'testing'

/** Where a cell stands now. */
export function stepOf(cell: Pick<PlanCell, 'id' | 'state'>, progress: PlanDetail['progress']): CellStep {
  if (cell.state !== 'running') return cell.state
  if (progress === null || progress.cell === cell.id) return 'making'
  return progress.cell === null ? 'testing' : 'made'
}

/** About how much of a cell's work is making its adapter; the rest is the test. */
const makingShare = 0.75

/** About how much of a plan is done, 0 to 1: every cell counts the same. */
export function fractionDone({ cells, progress }: Pick<PlanDetail, 'cells' | 'progress'>): number {
  const fraction = progress?.fraction ?? 0
  const worth: Readonly<Record<CellStep, number>> = {
    ...{ waiting: 0, done: 1, failed: 1, left: 1, made: makingShare },
    ...{ making: makingShare * fraction, testing: makingShare + (1 - makingShare) * fraction },
  }
  return cells.length === 0 ? 0 : cells.reduce((sum, cell) => sum + worth[stepOf(cell, progress)], 0) / cells.length
}

/** Arms down, places across; a place is a task with a budget and a seed, as far as the cells depend on them. */
export interface CellGrid {
  readonly columns: readonly { readonly key: string; readonly task: string; readonly words: string }[]
  readonly rows: readonly {
    readonly arm: string
    readonly counts: CellCounts
    /** For each column the arm's cell there; a cell that stands for several columns is in the first of them, with how many. */
    readonly cells: readonly { readonly cell: PlanCell; readonly at: number; readonly span: number }[]
  }[]
}

/** The grid of a plan's cells, of one task when one is given. */
export function layOutGrid(detail: Pick<PlanDetail, 'cells' | 'file' | 'tasksInfo'>, task: string | null): CellGrid {
  const { file } = detail
  const tasks = task === null ? file.tasks : file.tasks.filter((name) => name === task)
  const budgets = file.budgets.map((budget): Budget => budget ?? 'all')
  const perTask = budgets.length * file.seeds.length
  const columns = tasks.flatMap((name) =>
    budgets.flatMap((budget) =>
      file.seeds.map((seed) => ({ key: `${name}/${budget}/${seed}`, task: name, words: columnWords(detail, name, budget, seed) })),
    ),
  )
  const place = new Map(tasks.map((name, index) => [name, index * perTask]))
  const byArm = new Map<string, PlanCell[]>()
  for (const cell of detail.cells) {
    if (!place.has(cell.task)) continue
    const found = byArm.get(cell.arm)
    if (found) found.push(cell)
    else byArm.set(cell.arm, [cell])
  }
  const rows = file.arms.map(({ id }) => {
    const mine = byArm.get(id) ?? []
    const cells = mine
      .map((cell) => {
        const budgetAt = cell.budget === null ? 0 : budgets.indexOf(cell.budget)
        const seedAt = cell.seed === null ? 0 : file.seeds.indexOf(cell.seed)
        const at = (place.get(cell.task) ?? 0) + budgetAt * file.seeds.length + seedAt
        return { cell, at, span: cell.budget === null ? perTask : cell.seed === null ? file.seeds.length : 1 }
      })
      .sort((left, right) => left.at - right.at)
    return { arm: id, counts: countCells(mine), cells }
  })
  return { columns, rows }
}

function columnWords(detail: Pick<PlanDetail, 'file' | 'tasksInfo'>, task: string, budget: Budget, seed: number): string {
  const { file, tasksInfo } = detail
  const parts = [
    ...(file.tasks.length > 1 ? [tasksInfo.find((info) => info.task === task)?.title ?? task] : []),
    ...(file.budgets.length > 1 ? [`${budget} examples`] : []),
    ...(file.seeds.length > 1 ? [`seed ${seed}`] : []),
  ]
  return parts.length === 0 ? (tasksInfo.find((info) => info.task === task)?.title ?? task) : parts.join(', ')
}

/** Tokens and seconds of a cost: as if the arm had been run alone, and what was really spent. */
export function totalsOf({ selection, own, learning, test, spent }: CellCost): {
  readonly alone: { readonly tokens: number; readonly seconds: number }
  readonly spent: { readonly tokens: number; readonly seconds: number }
} {
  const parts = [selection, own, learning, test]
  return {
    alone: {
      tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
      seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    spent,
  }
}

/** Done cells whose merge can be looked into: coefficients, and which adapters mattered. */
export function mergedCells(detail: Pick<PlanDetail, 'cells' | 'file'>): readonly PlanCell[] {
  const merged = new Set(detail.file.arms.filter(isMerged).map(({ id }) => id))
  return detail.cells.filter((cell) => cell.state === 'done' && merged.has(cell.arm))
}

/** Whether an arm merges adapters of the pool. */
export function isMerged(arm: Arm): boolean {
  if (arm.kind === 'merge' || arm.kind === 'tune' || arm.kind === 'search') return true
  return arm.kind === 'control' && controlOf(arm.control).arm === 'tune'
}
