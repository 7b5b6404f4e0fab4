import { controlOf } from '../contract/controls.ts'
import type { Arm, PlanFile } from '../contract/plan.ts'

/** One arm on one task with one budget and one seed: a job of its own. What it does not depend on is null, so that it is done once. */
export interface Cell {
  /** "sentiment/100/1/own": the same for the same cell everywhere, also on other machines. */
  readonly id: string
  readonly arm: Arm
  readonly task: string
  readonly budget: number | 'all' | null
  readonly seed: number | null
  /** Cells whose adapter it needs: the own LoRA of its task, budget and seed. */
  readonly needs: readonly string[]
}

/** Every cell of a plan, in an order in which each comes after what it needs: tasks, budgets, seeds, then arms as in the plan. */
export function expandPlan(plan: PlanFile): readonly Cell[] {
  const own = plan.arms.find(({ role }) => role === 'own')
  const cells = new Map<string, Cell>()
  for (const task of plan.tasks) {
    for (const budget of plan.budgets) {
      for (const seed of plan.seeds) {
        for (const arm of own ? [own, ...plan.arms.filter((other) => other !== own)] : plan.arms) {
          const cell = cellOf(arm, { task, budget: budget ?? 'all', seed }, own)
          if (!cells.has(cell.id)) cells.set(cell.id, cell)
        }
      }
    }
  }
  return [...cells.values()]
}

interface Place {
  readonly task: string
  readonly budget: number | 'all'
  readonly seed: number
}

function cellOf(arm: Arm, place: Place, own: Arm | undefined): Cell {
  const { task } = place
  const budget = arm.kind === 'base' ? null : place.budget
  const seed = usesSeed(arm) ? place.seed : null
  const needs = own && arm !== own && needsOwn(arm) ? [cellId(own, task, place.budget, place.seed)] : []
  return { id: cellId(arm, task, budget, seed), arm, task, budget, seed, needs }
}

function cellId({ id }: Arm, task: string, budget: Cell['budget'], seed: Cell['seed']): string {
  return [task, budget ?? '-', seed ?? '-', id].join('/')
}

/** Whether the outcome of an arm depends on the seed: training and tuning draw examples, searches candidates, random selections adapters. An arm with the own LoRA depends on it through that. */
function usesSeed(arm: Arm): boolean {
  if (arm.kind === 'base' || arm.kind === 'best_single') return false
  return arm.kind !== 'merge' || arm.withOwn || arm.selection['selection'] === 'random'
}

/** Whether an arm takes the plan's own LoRA. */
export function needsOwn(arm: Arm): boolean {
  if (arm.kind === 'merge' || arm.kind === 'tune' || arm.kind === 'search') return arm.withOwn
  return arm.kind === 'control' && controlOf(arm.control).needsOwn
}
