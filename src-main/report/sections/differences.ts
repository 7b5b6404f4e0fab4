import type { BudgetComparison, Comparison } from '../../contract/comparison.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { intervalRows } from '../charts/interval-rows.ts'
import { looksInWords, lookOf } from '../charts/marks.ts'
import { columnsOf, figureBlock, tableBlock, type ReportBlock, type ReportColumn, type ReportSection } from '../document.ts'
import { shownBudget, shownChange, shownNumber, shownProbability } from '../numbers.ts'
import { armLabel, byBudget, placesOf, placeWords, taskTitle, unitOf } from '../plan-view.ts'
import { budgetHeading, placeId, shownPlaces } from './arms.ts'

/** Paired differences of the arms to the baseline, with the tests, what the test set can show, and the tally over tasks. */
export function differencesSection(detail: PlanDetail): ReportSection {
  const comparisons = byBudget(detail).filter((entry) => entry.comparisons.length > 0)
  return {
    id: 'differences',
    title: 'Differences to the baseline',
    blocks:
      comparisons.length === 0
        ? [{ kind: 'text', text: 'There is nothing to compare: fewer than two arms were measured on the same examples.' }]
        : [
            { kind: 'text', text: explanation },
            ...comparisons.flatMap((comparison): readonly ReportBlock[] => [
              ...budgetHeading(comparison, comparisons.length),
              ...shownPlaces(detail, comparison.comparisons).map((task) => forest(detail, comparison, task)),
              ...longTable(detail, comparison),
              ...tally(detail, comparison),
            ]),
          ],
  }
}

const explanation =
  'Differences are paired: both arms answered the same test examples. The p-value is the exact McNemar test where both arms have one seed and answers are right or wrong; "Holm" is the same, adjusted for the number of arms that are compared. "Detectable" is the smallest difference that the test set shows with a probability of 80 %.'

const columns = columnsOf('Arm', '#Difference (95 % interval)', '#p', '#p, Holm', '#Detectable')

function cellsOf(detail: PlanDetail, { arm, task, interval, pValue, adjusted, detectable }: Comparison): readonly string[] {
  const unit = unitOf(detail, task)
  return [
    armLabel(detail, arm),
    shownChange(interval, unit),
    shownProbability(pValue),
    shownProbability(adjusted),
    shownNumber(detectable, unit),
  ]
}

function forest(detail: PlanDetail, { budget, baseline, comparisons }: BudgetComparison, task: string | null): ReportBlock {
  const unit = unitOf(detail, task)
  const here = comparisons.filter((comparison) => comparison.task === task)
  const id = placeId(detail, 'differences', budget, task)
  const to = armLabel(detail, baseline)
  const caption = `Differences to ${to} with 95 % intervals, ${placeWords(detail, task, budget)}`
  return figureBlock({
    id,
    title: `Which arms differ from ${to}? ${placeWords(detail, task, budget)}`,
    note: `Arm minus ${to}, 95 % paired bootstrap intervals${task === null ? ', two-level over tasks and examples' : ''}. The grey band is the margin. ${looksInWords}`,
    svg: intervalRows({
      ...{ id, title: caption, unit, of: 'differences', line: null, margin: detail.file.margin, labelWidth: 240 },
      description: here.map(({ arm, interval }) => `${armLabel(detail, arm)}: ${shownChange(interval, unit)}`).join('; '),
      axis: unit === 'points' ? `difference to ${to} in points` : `difference to ${to} in the metric's own unit`,
      rows: here.map(({ arm, interval }) => {
        const look = lookOf(detail.file.arms.find((candidate) => candidate.id === arm))
        return { label: armLabel(detail, arm), interval, look, strong: false }
      }),
    }),
    table: { caption, columns, rows: here.map((comparison) => cellsOf(detail, comparison)) },
    tableFirst: true,
  })
}

function longTable(detail: PlanDetail, { budget, baseline, comparisons }: BudgetComparison): readonly ReportBlock[] {
  const places = placesOf(detail, comparisons)
  if (shownPlaces(detail, comparisons).length === places.length) return []
  const taskColumn: ReportColumn = { label: 'Task', numeric: false }
  const rows = places.flatMap((task) =>
    comparisons.filter((entry) => entry.task === task).map((entry) => [taskTitle(detail, task), ...cellsOf(detail, entry)]),
  )
  const caption = `All differences to ${armLabel(detail, baseline)}, ${shownBudget(budget)}`
  return [tableBlock({ caption, columns: [taskColumn, ...columns], rows }, true)]
}

/** Only over several tasks: on one it says nothing that the difference does not. */
function tally(detail: PlanDetail, { budget, baseline, tallies }: BudgetComparison): readonly ReportBlock[] {
  if (detail.file.tasks.length < 2 || tallies.length === 0) return []
  return [
    tableBlock({
      caption: `Tasks on which the interval of the difference to ${armLabel(detail, baseline)} lies above 0, holds it, or lies below, ${shownBudget(budget)}`,
      columns: columnsOf('Arm', '#Win', '#Tie', '#Loss'),
      rows: tallies.map(({ arm, wins, ties, losses }) => [armLabel(detail, arm), String(wins), String(ties), String(losses)]),
    }),
  ]
}
