import type { AdapterDetail } from '../contract/adapter.ts'
import { cellAdapterName, isNamedForCell } from '../contract/cell-name.ts'
import type { PlanStore } from '../library/plan-types.ts'
import type { Cell } from './expand-plan.ts'

/** Name of the adapter that a cell makes. */
export function nameOfCell({ id, arm }: Pick<Cell, 'id' | 'arm'>): string {
  return cellAdapterName(arm.label ?? arm.id, id)
}

/** Tells adapters that plans made: by their jobs as long as the plan is kept, and by their names afterwards. */
export function createPlanMade(plans: Pick<PlanStore, 'list' | 'cells'>): (adapter: Pick<AdapterDetail, 'name' | 'lineage'>) => boolean {
  const jobs = new Set(plans.list().flatMap(({ id }) => plans.cells(id).flatMap(({ jobId }) => jobId ?? [])))
  return ({ name, lineage }) => lineage !== null && ((lineage.jobId !== null && jobs.has(lineage.jobId)) || isNamedForCell(name))
}
