import type { BudgetComparison } from '../../contract/comparison.ts'
import type { CellCost, PlanDetail } from '../../contract/plan-run.ts'
import { costGain } from '../charts/cost-gain.ts'
import { looksInWords, lookOf } from '../charts/marks.ts'
import { largeText } from '../charts/tick-text.ts'
import { columnsOf, figureBlock, tableBlock, type ReportBlock, type ReportSection } from '../document.ts'
import { shownBudget, shownChange, shownCount, shownSeconds } from '../numbers.ts'
import { armLabel, byBudget, overall, placeWords, unitOf } from '../plan-view.ts'
import { budgetHeading } from './arms.ts'

type ArmCost = PlanDetail['costs'][number]

/** What each arm cost, as if alone and really, and what it gained for that. */
export function costsSection(detail: PlanDetail): ReportSection {
  const comparisons = byBudget(detail).filter(({ costGain: points }) => points.length > 0)
  return {
    id: 'costs',
    title: 'What each arm cost',
    blocks: [
      { kind: 'remark', text: equalLabels },
      ...(detail.costs.length > 0 ? costTable(detail) : [{ kind: 'text', text: 'No cost is known.' } as const]),
      ...comparisons.flatMap((comparison) => [...budgetHeading(comparison, comparisons.length), ...gains(detail, comparison)]),
    ],
  }
}

/** What a reader of the values alone would miss (recycling-loras.md 6.2). */
export const equalLabels =
  'Equal labels are not equal cost: a merge has had the pool scored and its coefficients tuned on top of the same labelled examples, and with the own LoRA also that training.'

/** Tokens and seconds of a cell or an arm as if it had been run alone. */
export function aloneOf({ selection, own, learning, test }: CellCost): { readonly tokens: number; readonly seconds: number } {
  const parts = [selection, own, learning, test]
  return { tokens: sum(parts.map(({ tokens }) => tokens)), seconds: sum(parts.map(({ seconds }) => seconds)) }
}

function costTable(detail: PlanDetail): readonly ReportBlock[] {
  const alone = sum(detail.costs.map(({ cost }) => aloneOf(cost).seconds))
  const spent = sum(detail.costs.map(({ cost }) => cost.spent.seconds))
  const devices = [...new Set(detail.costs.map(({ cost }) => cost.device))]
  return [
    tableBlock({
      caption: `Cost of each arm over all its jobs: labelled examples, adapters scored, tokens through the base model and time${devices.length === 1 ? `, on ${devices[0]}` : ''}`,
      columns: columnsOf(
        'Arm',
        'Examples',
        '#Scored',
        '#Scoring the pool',
        '#Own LoRA',
        '#Learning',
        '#Test',
        '#As if alone',
        '#Really spent',
        ...(devices.length > 1 ? ['Device'] : []),
      ),
      rows: inPlanOrder(detail).map((entry) => [...costCells(detail, entry), ...(devices.length > 1 ? [entry.cost.device] : [])]),
    }),
    {
      kind: 'text',
      text: `Alone, the arms would take ${shownSeconds(alone)} together; ${shownSeconds(spent)} were really spent${alone > 0 ? `, ${(spent / alone).toFixed(2)} of it` : ''}. Shared work (scores of the pool, the own LoRA) counts for the first arm that needed it.`,
    },
  ]
}

function inPlanOrder({ file, costs }: PlanDetail): readonly ArmCost[] {
  const placeOf = ({ arm }: ArmCost): number => file.arms.findIndex(({ id }) => id === arm)
  return [...costs].sort((one, other) => placeOf(one) - placeOf(other))
}

function costCells(detail: PlanDetail, { arm, budget, cost }: ArmCost): readonly string[] {
  const shown = ({ tokens, seconds }: { readonly tokens: number; readonly seconds: number }): string =>
    tokens === 0 && seconds === 0 ? '\u2013' : `${largeText(tokens)} \u00b7 ${shownSeconds(seconds)}`
  return [
    armLabel(detail, arm),
    budget === null ? 'none' : shownBudget(budget).replace(/ labelled examples?$/, ''),
    cost.selection.adapters === 0 ? '\u2013' : shownCount(cost.selection.adapters),
    shown(cost.selection),
    shown(cost.own),
    shown(cost.learning),
    shown(cost.test),
    shown(aloneOf(cost)),
    shown(cost.spent),
  ]
}

function gains(detail: PlanDetail, { budget, costGain: points, estimates }: BudgetComparison): readonly ReportBlock[] {
  const task = overall(estimates)?.task ?? null
  const unit = unitOf(detail, task)
  const id = `cost-gain-${budget}`
  const drawn = points.filter(({ arm, tokens }) => tokens > 0 && detail.file.arms.find(({ id: known }) => known === arm)?.kind !== 'base')
  if (drawn.length === 0) return []
  const caption = `Cost and gain on the base model, ${placeWords(detail, task, budget)}`
  return [
    figureBlock({
      id,
      title: `What does a gain cost? ${placeWords(detail, task, budget)}`,
      note: `Gain on the base model, with 95 % paired bootstrap intervals, against what each arm would cost alone (tokens, logarithmic). Arms of one cost stand side by side. ${looksInWords}`,
      svg: costGain({
        ...{ id, title: caption, unit, xAxis: 'tokens through the base model, as if the arm had been run alone' },
        yAxis: unit === 'points' ? 'gain in points' : "gain in the metric's own unit",
        description: drawn
          .map(({ arm, tokens, gain }) => `${armLabel(detail, arm)}: ${shownCount(tokens)} tokens, ${shownChange(gain, unit)}`)
          .join('; '),
        points: drawn.map(({ arm, tokens, gain }) => {
          const look = lookOf(detail.file.arms.find((candidate) => candidate.id === arm))
          return { label: armLabel(detail, arm), cost: tokens, gain, look }
        }),
      }),
      table: {
        caption,
        columns: columnsOf('Arm', '#Tokens as if alone', '#Time as if alone', '#Gain (95 % interval)'),
        rows: points.map(({ arm, tokens, seconds, gain }) => [
          armLabel(detail, arm),
          shownCount(tokens),
          shownSeconds(seconds),
          shownChange(gain, unit),
        ]),
      },
      tableFirst: false,
    }),
  ]
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
