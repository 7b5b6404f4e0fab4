import type { Agreement } from '../contract/comparison.ts'
import { metricOf } from '../contract/metrics.ts'
import type { PlanCell } from '../contract/plan-run.ts'
import type { CellValues, PlanStore } from '../library/plan-types.ts'
import { sameIds } from './compare-arms.ts'
import { cellsAt, type Budget, type TaskFacts } from './plan-outcomes.ts'

/** One run of the arms: a task, a budget and a seed. */
export interface OneRun {
  readonly planId: string
  readonly task: string
  readonly budget: Budget
  readonly seed: number
}

/** The done cells of one run by arm, in the order of the plan; those without a seed of their own belong to every run. */
export function cellsOfRun(plans: Pick<PlanStore, 'cells' | 'get'>, { planId, task, budget, seed }: OneRun): ReadonlyMap<string, PlanCell> {
  const arms = plans.get(planId)?.file.arms.map(({ id }) => id) ?? []
  const cells = cellsAt(plans.cells(planId, task), budget).filter(
    (cell) => cell.state === 'done' && (cell.seed === null || cell.seed === seed),
  )
  const byArm = new Map(cells.map((cell) => [cell.arm, cell]))
  return new Map(arms.flatMap((arm) => (byArm.has(arm) ? [[arm, byArm.get(arm)!] as const] : [])))
}

/** Whether values of that task can be right: shares are at 1; a loss has no value that is. */
export function hasRight(facts: Pick<TaskFacts, 'metric'> | undefined): boolean {
  return facts === undefined || metricOf(facts.metric).unit === 'fraction'
}

/** A value at its best. */
export const rightValue = 1

/** Which test examples each two arms get right in one run. Arms that answered other examples than the first are left out. null where there is nothing to count. */
export function agreementOf(plans: PlanStore, run: OneRun): Agreement | null {
  if (!hasRight(plans.taskFacts(run.planId).find(({ task }) => task === run.task))) return null
  const cells = cellsOfRun(plans, run)
  const values = plans.values(
    run.planId,
    [...cells.values()].map(({ id }) => id),
  )
  const found = [...cells].flatMap(([arm, cell]) => {
    const given = values.get(cell.id)
    return given ? [{ arm, ...given }] : []
  })
  const first = found[0]
  return first ? countAgreement(found.filter(({ exampleIds }) => sameIds(exampleIds, first.exampleIds))) : null
}

/** Counts of arms over the same examples. */
export function countAgreement(arms: readonly ({ readonly arm: string } & CellValues)[]): Agreement {
  const right = arms.map(({ values }) => Uint8Array.from(values, (value) => Number(value === rightValue)))
  const count = (test: (place: number) => boolean): number => {
    let sum = 0
    for (let place = 0; place < (right[0]?.length ?? 0); place++) if (test(place)) sum++
    return sum
  }
  return {
    arms: arms.map(({ arm }) => arm),
    n: right[0]?.length ?? 0,
    right: right.map((own) => count((place) => own[place] === 1)),
    both: right.map((own) => right.map((other) => count((place) => own[place] === 1 && other[place] === 1))),
    onlyRow: right.map((own) => right.map((other) => count((place) => own[place] === 1 && other[place] === 0))),
  }
}
