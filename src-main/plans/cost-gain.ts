import type { BudgetComparison } from '../contract/comparison.ts'
import type { CellCost, PlanCell, PlanDetail } from '../contract/plan-run.ts'
import type { Measurements, Pair, Place } from './measure-arms.ts'
import { cellsAt, type Budget } from './plan-outcomes.ts'

const parts = ['selection', 'own', 'learning', 'test'] as const

/** What a cell would take if nothing were shared. */
export function costAlone(cost: CellCost): { readonly tokens: number; readonly seconds: number } {
  return {
    tokens: parts.reduce((sum, part) => sum + cost[part].tokens, 0),
    seconds: parts.reduce((sum, part) => sum + cost[part].seconds, 0),
  }
}

/** The sum of costs: devices that differ are all named, labelled examples and scored adapters are the most of any (they are the same for all seeds). */
export function sumCosts(costs: readonly CellCost[]): CellCost {
  const sum = (part: 'selection' | 'own' | 'learning' | 'test' | 'spent') => ({
    tokens: costs.reduce((total, cost) => total + cost[part].tokens, 0),
    seconds: costs.reduce((total, cost) => total + cost[part].seconds, 0),
  })
  return {
    selection: { ...sum('selection'), adapters: Math.max(0, ...costs.map(({ selection }) => selection.adapters)) },
    ...{ own: sum('own'), learning: sum('learning'), test: sum('test'), spent: sum('spent') },
    device: [...new Set(costs.map(({ device }) => device))].join(', '),
    examples: Math.max(0, ...costs.map(({ examples }) => examples)),
  }
}

/** Costs of each arm at each budget over its done cells; the base model's, which has no budget, once. */
export function costsOf(cells: readonly PlanCell[]): PlanDetail['costs'] {
  const groups = Map.groupBy(
    cells.filter(({ cost }) => cost !== null),
    ({ arm, budget }) => JSON.stringify([arm, budget]),
  )
  return [...groups.values()].map((group) => {
    const { arm, budget } = group[0]!
    return { arm, budget, cost: sumCosts(group.map(({ cost }) => cost!)) }
  })
}

/** Differences that the gains need. */
export function gainPairs(arms: readonly string[], base: string | null): readonly Pair[] {
  return base === null ? [] : arms.filter((arm) => arm !== base).map((arm): Pair => [arm, base])
}

/** What each arm cost, as if it had been run alone, against what it gained on the base model over `place`; arms without both are left out. */
export function costGainOf(
  cells: readonly PlanCell[],
  budget: Budget,
  pairs: readonly Pair[],
  measured: Measurements,
  place: Place,
): BudgetComparison['costGain'] {
  return pairs.flatMap(([arm, base]): BudgetComparison['costGain'] => {
    const gain = measured(arm, base, place)?.interval
    const costs = cellsAt(cells, budget).flatMap((cell) => (cell.arm === arm && cell.cost ? [costAlone(cell.cost)] : []))
    if (!gain || costs.length === 0) return []
    const sum = (part: 'tokens' | 'seconds'): number => costs.reduce((total, cost) => total + cost[part], 0)
    return [{ arm, tokens: sum('tokens'), seconds: sum('seconds'), gain }]
  })
}
