import type { AdapterDetail } from '../contract/adapter.ts'
import type { PlanStore } from '../library/plan-types.ts'
import type { Cell } from './expand-plan.ts'

/** Name of the adapter that a cell makes. The cell in brackets tells it from every other adapter, so that no pool is filled with results of plans. */
export function cellAdapterName({ id, arm }: Pick<Cell, 'id' | 'arm'>): string {
  const label = arm.label ?? arm.id
  return `${label} [${id}]`.slice(-200)
}

/** Task, budget, seed and arm, as expandPlan writes them. */
const namedForCell = /\[?[^[\]]*\/(\d+|all|-)\/(\d+|-)\/[a-z0-9][a-z0-9_-]*\]$/

/** Tells adapters that plans made: by their jobs as long as the plan is kept, and by their names afterwards. */
export function createPlanMade(plans: Pick<PlanStore, 'list' | 'cells'>): (adapter: Pick<AdapterDetail, 'name' | 'lineage'>) => boolean {
  const jobs = new Set(plans.list().flatMap(({ id }) => plans.cells(id).flatMap(({ jobId }) => jobId ?? [])))
  return ({ name, lineage }) => lineage !== null && ((lineage.jobId !== null && jobs.has(lineage.jobId)) || namedForCell.test(name))
}
