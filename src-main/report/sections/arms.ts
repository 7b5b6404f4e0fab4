import type { BudgetComparison } from '../../contract/comparison.ts'
import type { PlanDetail } from '../../contract/plan-run.ts'
import { taskHeatMap } from '../charts/heat-map.ts'
import { intervalRows } from '../charts/interval-rows.ts'
import { looksInWords, lookOf } from '../charts/marks.ts'
import { columnsOf, figureBlock, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { shownBudget, shownCount, shownInterval, shownNumber, type Unit } from '../numbers.ts'
import {
  armLabel,
  byBudget,
  directionOf,
  mostSingleTasks,
  placesOf,
  placeWords,
  slugOf,
  taskTitle,
  unitOf,
  unitWords,
} from '../plan-view.ts'

/** What every arm reached: over all tasks, on each task, and as a map of tasks and arms. */
export function armsSection(detail: PlanDetail): ReportSection {
  const comparisons = byBudget(detail)
  return {
    id: 'arms',
    title: 'What each arm reached',
    blocks: comparisons.flatMap((comparison): readonly ReportBlock[] => [
      ...budgetHeading(comparison, comparisons.length),
      ...shownPlaces(detail, comparison.estimates).map((task) => dots(detail, comparison, task)),
      ...maps(detail, comparison),
      ...longTable(detail, comparison),
    ]),
  }
}

/** The budget as a heading, where there are several. */
export function budgetHeading({ budget }: BudgetComparison, count: number): readonly ReportBlock[] {
  const words = shownBudget(budget)
  return count > 1 ? [{ kind: 'heading', text: words.charAt(0).toUpperCase() + words.slice(1) }] : []
}

/** Places that get a drawing: the mean over tasks first, then the tasks where they are few. */
export function shownPlaces(detail: PlanDetail, entries: readonly { readonly task: string | null }[]): readonly (string | null)[] {
  const places = placesOf(detail, entries)
  const tasks = places.filter((task) => task !== null)
  return [...places.filter((task) => task === null), ...(tasks.length <= mostSingleTasks ? tasks : [])]
}

/** Names a drawing of a place: "values-100-2-sentiment". */
export function placeId(detail: PlanDetail, what: string, budget: BudgetComparison['budget'], task: string | null): string {
  return [what, budget, task === null ? 'all' : `${detail.file.tasks.indexOf(task) + 1}-${slugOf(task)}`].join('-')
}

function dots(detail: PlanDetail, { budget, estimates }: BudgetComparison, task: string | null): ReportBlock {
  const unit = unitOf(detail, task)
  const here = estimates.filter((estimate) => estimate.task === task)
  const best = directionOf(detail, task) === 'lower' ? -1 : 1
  const sorted = [...here].sort((one, other) => best * (other.interval.value - one.interval.value))
  const armOf = (id: string) => detail.file.arms.find((arm) => arm.id === id)
  const base = here.find(({ arm }) => armOf(arm)?.kind === 'base')
  const id = placeId(detail, 'values', budget, task)
  return figureBlock({
    id,
    title: `How well does each arm do? ${placeWords(detail, task, budget)}`,
    note: `In ${unitWords(unit)}; ${countWords(here)}. Lines are 95 % bootstrap intervals${task === null ? ', two-level over tasks and examples' : ''}. ${looksInWords}`,
    svg: intervalRows({
      ...{ id, title: `Value by arm, ${placeWords(detail, task, budget)}`, unit, of: 'values', margin: null, labelWidth: 240 },
      description: sorted.map(({ arm, interval }) => `${armLabel(detail, arm)}: ${shownInterval(interval, unit)}`).join('; '),
      axis: unitWords(unit),
      line: base ? { value: base.interval.value, label: 'base model' } : null,
      rows: sorted.map(({ arm, interval }) => ({ label: armLabel(detail, arm), interval, look: lookOf(armOf(arm)), strong: false })),
    }),
    table: {
      caption: `Value by arm with 95 % interval, ${placeWords(detail, task, budget)}`,
      columns: columnsOf('Arm', '#Value (95 % interval)', '#Test examples', '#Seeds'),
      rows: sorted.map(({ arm, interval, examples, seeds }) => [
        armLabel(detail, arm),
        shownInterval(interval, unit),
        shownCount(examples),
        String(seeds),
      ]),
    },
    tableFirst: true,
  })
}

function countWords(estimates: BudgetComparison['estimates']): string {
  const counts = [...new Set(estimates.map(({ examples }) => examples))].sort((one, other) => one - other)
  return `n = ${counts.map(shownCount).join(' or ')} test examples`
}

/** Tasks by arms: one map for each unit, since shades of unlike units cannot be compared. */
function maps(detail: PlanDetail, { budget, estimates }: BudgetComparison): readonly ReportBlock[] {
  const tasks = detail.file.tasks.filter((task) => estimates.some((estimate) => estimate.task === task))
  if (tasks.length < 2) return []
  const arms = detail.file.arms.filter(({ id }) => estimates.some(({ arm }) => arm === id))
  const byUnit = (['points', 'raw'] as const).map((unit) => ({ unit, tasks: tasks.filter((task) => unitOf(detail, task) === unit) }))
  return byUnit
    .filter((group) => group.tasks.length > 0)
    .map(({ unit, tasks: rows }) => {
      const values = rows.map((task) =>
        arms.map(({ id }) => estimates.find((estimate) => estimate.arm === id && estimate.task === task)?.interval.value ?? null),
      )
      return mapBlock(detail, budget, unit, rows, arms.map(({ id }) => armLabel(detail, id)), values) // prettier-ignore
    })
}

function mapBlock(
  detail: PlanDetail,
  budget: BudgetComparison['budget'],
  unit: Unit,
  tasks: readonly string[],
  arms: readonly string[],
  values: readonly (readonly (number | null)[])[],
): ReportBlock {
  const id = `map-${budget}-${unit}`
  const titles = tasks.map((task) => taskTitle(detail, task))
  const caption = `Value by task and arm, ${unitWords(unit)}, ${shownBudget(budget)}`
  return figureBlock({
    id,
    title: `Where does which arm do well? ${shownBudget(budget)}`,
    note: `In ${unitWords(unit)}; darker (in a dark page: lighter) is more. Intervals are in the table of all estimates.`,
    svg: taskHeatMap({ id, title: caption, description: `${tasks.length} tasks by ${arms.length} arms; the table below holds the same numbers.`, rows: titles, columns: arms, values, unit }), // prettier-ignore
    table: {
      caption,
      columns: [...columnsOf('Task'), ...arms.map((label) => ({ label, numeric: true }))],
      rows: titles.map((title, row) => [title, ...values[row]!.map((value) => (value === null ? '\u2013' : shownNumber(value, unit)))]),
    },
    tableFirst: false,
  })
}

/** Every estimate with its interval, where single tasks have no drawings of their own. */
function longTable(detail: PlanDetail, { budget, estimates }: BudgetComparison): readonly ReportBlock[] {
  if (shownPlaces(detail, estimates).length === placesOf(detail, estimates).length) return []
  const rows = placesOf(detail, estimates).flatMap((task) =>
    estimates
      .filter((estimate) => estimate.task === task)
      .map(({ arm, interval, examples, seeds }) => [
        taskTitle(detail, task),
        armLabel(detail, arm),
        shownInterval(interval, unitOf(detail, task)),
        shownCount(examples),
        String(seeds),
      ]),
  )
  const caption = `All estimates with 95 % intervals, ${shownBudget(budget)}`
  return [tableBlock({ caption, columns: columnsOf('Task', 'Arm', '#Value (95 % interval)', '#Test examples', '#Seeds'), rows }, true)]
}
