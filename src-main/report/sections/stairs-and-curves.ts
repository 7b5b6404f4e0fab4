import type { BudgetComparison, SweptCurve } from '../../contract/comparison.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { stairs } from '../charts/stairs.ts'
import { sweptCurve } from '../charts/swept-curve.ts'
import { columnsOf, figureBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { shownBudget, shownChange, shownCount, shownInterval, shownNumber } from '../numbers.ts'
import { armLabel, byBudget, directionOf, placeWords, unitOf, unitWords } from '../plan-view.ts'
import { budgetHeading, placeId, shownPlaces } from './arms.ts'

/** What each step from the base model to the best adds, in the order of the study's table. Null where there are fewer than two steps. */
export function stairsSection(detail: PlanDetail): ReportSection | null {
  const comparisons = byBudget(detail).filter((entry) => entry.stairs.some(({ steps }) => steps.length > 1))
  if (comparisons.length === 0) return null
  return {
    id: 'stairs',
    title: 'What each step adds',
    blocks: comparisons.flatMap((comparison): readonly ReportBlock[] => [
      ...budgetHeading(comparison, comparisons.length),
      ...shownPlaces(detail, comparison.stairs).flatMap((task) => {
        const found = comparison.stairs.find((entry) => entry.task === task)
        return found && found.steps.length > 1 ? [stairsFigure(detail, comparison, found)] : []
      }),
    ]),
  }
}

function stairsFigure(detail: PlanDetail, { budget }: BudgetComparison, { task, steps }: BudgetComparison['stairs'][number]): ReportBlock {
  const unit = unitOf(detail, task)
  const id = placeId(detail, 'stairs', budget, task)
  const caption = `Steps from the base model, ${placeWords(detail, task, budget)}`
  const shown = steps.map(({ arm, value, added }) => ({ label: armLabel(detail, arm), value, added }))
  return figureBlock({
    id,
    title: `What does each step add? ${placeWords(detail, task, budget)}`,
    note: `In ${unitWords(unit)}. Each bar leads from the step before to this one, the thin line under it its 95 % interval; a hollow bar is a step back.`,
    svg: stairs({
      ...{ id, title: caption, axis: unitWords(unit), unit, steps: shown, direction: directionOf(detail, task) },
      description: shown
        .map(({ label, value, added }) => `${label}: ${shownNumber(value, unit)}${added ? `, ${shownChange(added, unit)}` : ''}`)
        .join('; '),
    }),
    table: {
      caption,
      columns: columnsOf('Step', '#Value', '#Added to the step before (95 % interval)'),
      rows: shown.map(({ label, value, added }) => [label, shownNumber(value, unit), added ? shownChange(added, unit) : '\u2013']),
    },
    tableFirst: false,
  })
}

const questions: Readonly<Record<SweptCurve['id'], string>> = {
  skip: 'How much do the most relevant adapters matter?',
  k: 'How many adapters does it take?',
  budget: 'How much do more labelled examples bring?',
}

/** Values against what was varied. Null where nothing was. */
export function curvesSection(detail: PlanDetail): ReportSection | null {
  const curves = detail.curves.filter(({ series }) => series.some(({ points }) => points.length > 0))
  if (curves.length === 0) return null
  return { id: 'curves', title: 'What was varied', blocks: curves.map((curve) => curveFigure(detail, curve)) }
}

function curveFigure(detail: PlanDetail, { id: kind, axis, budget, series }: SweptCurve): ReportBlock {
  const unit = unitOf(detail, null)
  const id = `curve-${kind}-${budget ?? 'all'}`
  const where = budget === null ? '' : `, ${shownBudget(budget)}`
  const shown = series.filter(({ points }) => points.length > 0).map((one) => ({ ...one, label: labelOf(detail, one) }))
  return figureBlock({
    id,
    title: budget === null ? questions[kind] : `${questions[kind]} With ${shownBudget(budget)}`,
    note: `Values in ${unitWords(unit)}${detail.file.tasks.length > 1 ? ', mean over tasks' : ''}. Bands are 95 % bootstrap intervals.`,
    svg: sweptCurve({
      ...{ id, title: `${axis}${where}`, xAxis: axis, yAxis: unitWords(unit), unit, logarithmic: kind === 'budget', series: shown },
      description: shown
        .map(({ label, points }) => `${label}: ${points.map(({ x, interval }) => `${x}: ${shownNumber(interval.value, unit)}`).join(', ')}`)
        .join('; '),
    }),
    table: {
      caption: `${axis}${where}, values with 95 % intervals`,
      columns: columnsOf('Series', `#${axis}`, '#Value (95 % interval)', '#Test examples'),
      rows: shown.flatMap(({ label, points }) =>
        points.map(({ x, interval, examples }) => [label, String(x), shownInterval(interval, unit), shownCount(examples)]),
      ),
    },
    tableFirst: false,
  })
}

/** A series over budgets is one arm, and may be named by its id. */
function labelOf(detail: PlanDetail, { label }: SweptCurve['series'][number]): string {
  return armLabel(detail, label)
}
