import type { AdaptInput } from '../contract/adapt.ts'
import { controlOf } from '../contract/controls.ts'
import type { Arm } from '../contract/plan.ts'
import { budgets } from '../contract/task.ts'
import { needsOwn, type Cell } from './expand-plan.ts'
import { nameOfCell } from './plan-adapters.ts'
import type { CellToRun } from './plan-services.ts'

type AdaptPart = Pick<AdaptInput, 'arm' | 'control' | 'preset' | 'params' | 'method'>

/** An arm as Adapt runs it; of a merge the selection. null for the base model, which nothing is made for. */
export function armOfAdapt(arm: Arm): AdaptPart | null {
  const common = { control: null, method: 'concat' } as const
  const first = needsOwn(arm) ? { ownFirst: true } : {}
  switch (arm.kind) {
    case 'base':
      return null
    case 'best_single':
      return { ...common, arm: 'tune', control: 'best_single', preset: null, params: {} }
    case 'merge':
      return { ...common, arm: 'select', preset: null, params: { ...first, ...arm.selection } }
    case 'tune':
      return { ...common, arm: 'tune', preset: arm.preset, params: { ...first, ...arm.params } }
    case 'search':
      return { ...common, arm: 'search', preset: arm.preset, params: { ...first, ...arm.params }, method: arm.method ?? 'concat' }
    case 'train':
      return { ...common, arm: 'train', preset: arm.preset, params: arm.params }
    case 'control': {
      const { arm: of } = controlOf(arm.control)
      return { ...common, arm: of === 'evaluate' ? 'tune' : of, control: arm.control, preset: arm.preset, params: arm.params }
    }
  }
}

/** What a cell's job of Adapt is started with; null for the base model. */
export function adaptInputOf({ plan, cell, ownId }: CellToRun): AdaptInput | null {
  const part = armOfAdapt(cell.arm)
  if (!part) return null
  const taskId = plan.taskIds.get(cell.task)
  if (taskId === undefined) throw new Error(`the task ${cell.task} of a resolved plan is not found`)
  return {
    ...part,
    ...{ baseId: plan.baseId, taskId, budget: budgetOf(cell), seed: seedOf(cell) },
    ...{ pool: [...plan.pool], ownId, startFrom: null, searched: {}, searchCoefficients: true },
    name: nameOfCell(cell),
  }
}

/** The cell's budget as tasks have it. */
export function budgetOf({ budget }: Pick<Cell, 'budget'>): AdaptInput['budget'] {
  return budgets.find((one) => one === budget) ?? null
}

/** The cell's seed; any, for one that does not depend on it. */
export function seedOf({ seed }: Pick<Cell, 'seed'>): number {
  return seed ?? 1
}
