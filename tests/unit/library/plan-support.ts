import * as v from 'valibot'
import { planFileSchema, type PlanFileInput } from '../../../src-main/contract/plan.ts'
import { cellResultSchema, type CellResult, type PlanTask } from '../../../src-main/contract/plan-run.ts'
import { expandPlan } from '../../../src-main/plans/expand-plan.ts'
import type { PlanStore, StoredPlan } from '../../../src-main/library/plan-types.ts'

/** A plan of the base model and one's own LoRA on one task, or what `given` says. */
export function planOf(id: string, given: Partial<PlanFileInput> = {}, more: Partial<StoredPlan> = {}): StoredPlan {
  const file = v.parse(planFileSchema, {
    ...{ version: 1, title: `Plan ${id}`, base: 'tiny', tasks: ['t'], seeds: [1, 2] },
    arms: [
      { kind: 'base', id: 'base', role: 'base' },
      { kind: 'train', id: 'own', role: 'own', preset: 'small_model_lora' },
    ],
    ...given,
  })
  return {
    ...{ id, file, state: 'running', baseName: 'tiny', createdAt: '2026-01-01T00:00:00.000Z', startedAt: null, endedAt: null },
    ...{ archived: false, baseline: null, headline: null, process: null, provenance: {}, importedFrom: null, problems: [] },
    ...more,
  }
}

/** Puts a plan with all its cells into the store. */
export function insertPlan(plans: PlanStore, plan: StoredPlan): StoredPlan {
  plans.insert(
    plan,
    expandPlan(plan.file).map(({ arm, ...cell }) => ({ ...cell, needs: [...cell.needs], arm: arm.id })),
  )
  return plan
}

const nothing = { tokens: 0, seconds: 0 }

/** What a cell gave: one value for each example e0, e1 and so on. */
export function resultOf(cell: string, values: readonly number[], given: Partial<CellResult> = {}): CellResult {
  return v.parse(cellResultSchema, {
    ...{ version: 1, cell, fingerprint: `print of ${cell}`, appVersion: '1.0.0', finishedAt: '2026-01-01T01:00:00.000Z', adapter: null },
    ...{ metric: 'exact_match', exampleIds: values.map((_, index) => `e${index}`), values: [...values] },
    predictions: values.map((value) => (value === 1 ? 'yes' : 'no')),
    cost: {
      ...{ selection: { ...nothing, adapters: 3 }, own: nothing, learning: { tokens: 100, seconds: 2 }, test: { tokens: 10, seconds: 1 } },
      ...{ spent: { tokens: 110, seconds: 3 }, device: 'cpu', examples: 100 },
    },
    ...{ selection: [], coefficients: null, curve: [], chosenStep: null, noValidation: false, provenance: { device: 'cpu' }, problems: [] },
    ...given,
  })
}

/** A task with so many examples e0, e1 and so on. */
export function planTaskOf(task: string, n: number, given: Partial<PlanTask> = {}): PlanTask {
  return {
    ...{ task, title: `Task ${task}`, metric: 'exact_match', direction: 'higher', hash: `hash of ${task}` },
    examples: Array.from({ length: n }, (_, index) => ({ id: `e${index}`, prompt: `question ${index}`, answer: 'yes' })),
    ...given,
  }
}
