import type { BudgetComparison, Estimate, SweptCurve } from '../contract/comparison.ts'
import type { Arm, PlanFile } from '../contract/plan.ts'
import type { PlanCell } from '../contract/plan-run.ts'
import type { Budget } from './plan-outcomes.ts'

/** What arms of a plan may differ in alone, and how the axis is called. */
const swept = [
  { id: 'skip', axis: 'Best adapters left out' },
  { id: 'k', axis: 'K, adapters merged' },
] as const

type Point = SweptCurve['series'][number]['points'][number]

/**
 * Curves of a plan: its arms that agree in everything but how many of the best adapters are left out, or how many are merged, at each budget; and every arm
 * over the budgets. Values are means over the tasks, or those of the one task. What has fewer than two points is no curve.
 */
export function sweptCurves(file: PlanFile, comparisons: readonly BudgetComparison[], cells: readonly PlanCell[]): readonly SweptCurve[] {
  return [
    ...comparisons.flatMap((comparison) => swept.flatMap((what) => curveOver(file, comparison, what))),
    ...curveOverBudgets(file, comparisons, cells),
  ]
}

function curveOver(file: PlanFile, comparison: BudgetComparison, { id, axis }: (typeof swept)[number]): readonly SweptCurve[] {
  const groups = Map.groupBy(
    file.arms.filter((arm) => typeof settingsOf(arm)[id] === 'number'),
    (arm) => likeness(arm, id),
  )
  const curves = [...groups.values()].flatMap((arms) => {
    const points = arms.flatMap((arm) => pointOf(arm.id, Number(settingsOf(arm)[id]), comparison))
    return differ(points) ? [{ arm: arms[0]!, points: sorted(points) }] : []
  })
  const labels = curves.map(({ arm }) => ownLabel(arm))
  const series = curves.map(({ arm, points }, index) => {
    const isOnly = labels.filter((label) => label === labels[index]).length === 1
    return { label: isOnly ? labels[index]! : `${labels[index]!}: ${makerOf(arm)}`, points }
  })
  return series.length === 0 ? [] : [{ id, axis, budget: comparison.budget, series }]
}

function curveOverBudgets(file: PlanFile, comparisons: readonly BudgetComparison[], cells: readonly PlanCell[]): readonly SweptCurve[] {
  const series = file.arms.flatMap((arm) => {
    const points = comparisons.flatMap((comparison) => {
      const x = labelledAt(comparison.budget, cells)
      return x === null ? [] : pointOf(arm.id, x, comparison)
    })
    return differ(points) ? [{ label: arm.label ?? arm.id, points: sorted(points) }] : []
  })
  return series.length === 0 ? [] : [{ id: 'budget', axis: 'Labelled examples', budget: null, series }]
}

function settingsOf(arm: Arm): Readonly<Record<string, unknown>> {
  if (arm.kind === 'base' || arm.kind === 'best_single') return {}
  return arm.kind === 'merge' ? { ...arm.selection, ...arm.params } : arm.params
}

/** Equal for arms that differ in nothing but names and the swept setting. */
function likeness(arm: Arm, swept: string): string {
  const { id: _id, label: _label, role: _role, ...rest } = arm
  const settings = Object.entries(settingsOf(arm)).filter(([name]) => name !== swept)
  return JSON.stringify([...Object.entries({ ...rest, params: null, selection: null }), ...settings].toSorted())
}

function ownLabel(arm: Arm): string {
  if (!('withOwn' in arm)) return arm.label ?? arm.id
  return arm.withOwn ? 'With my LoRA' : 'Without my LoRA'
}

/** What made the arms of a curve, where several curves would be called the same. */
function makerOf(arm: Arm): string {
  if ('method' in arm && arm.method !== null) return arm.method
  return ('preset' in arm ? arm.preset : null) ?? arm.kind
}

function pointOf(arm: string, x: number, { estimates }: BudgetComparison): readonly Point[] {
  const found = widest(estimates).find((estimate) => estimate.arm === arm)
  return found ? [{ x, arm, interval: found.interval, examples: found.examples }] : []
}

/** Means over tasks where there are some, else the values on the one task. */
function widest(estimates: readonly Estimate[]): readonly Estimate[] {
  const means = estimates.filter(({ task }) => task === null)
  if (means.length > 0) return means
  return new Set(estimates.map(({ task }) => task)).size === 1 ? estimates : []
}

/** All labelled examples are as many as any cell saw. */
function labelledAt(budget: Budget, cells: readonly PlanCell[]): number | null {
  if (budget !== 'all') return budget
  const seen = cells.flatMap((cell) => (cell.budget === 'all' && cell.cost ? [cell.cost.examples] : []))
  return seen.length === 0 ? null : Math.max(...seen)
}

function differ(points: readonly Point[]): boolean {
  return new Set(points.map(({ x }) => x)).size > 1
}

function sorted(points: readonly Point[]): Point[] {
  return points.toSorted((left, right) => left.x - right.x)
}
