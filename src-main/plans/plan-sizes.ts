import { checkAdaptParams } from '../jobs/adapt-params.ts'
import type { Arm, PlanFile } from '../contract/plan.ts'
import { warningProblem, type Problem } from '../contract/problems.ts'
import { needsOwn } from './expand-plan.ts'
import { armOfAdapt } from './cell-input.ts'

/** What arms ask of a pool: how many adapters they merge, how many of the best they leave out. */
interface Asked {
  readonly arm: Arm
  readonly k: number
  /** Of these, those that come from the pool: one's own LoRA counts as one of K. */
  readonly taken: number
  readonly skip: number
}

/** Arms that want more adapters than the pool has: all of it is used then, which is said once for each K; and arms that leave most of it out. */
export function checkPlanSizes(plan: Pick<PlanFile, 'arms'>, pool: number): readonly Problem[] {
  const asked = plan.arms.flatMap(askedOf)
  const large = asked.filter(({ taken }) => taken > pool)
  const skipping = asked.filter(({ skip, taken }) => skip > 0 && pool - skip < taken)
  return [
    ...[...Map.groupBy(large, ({ k }) => k)].map(([k, arms]) =>
      warningProblem('pool-small', `K is ${k}, and the pool has ${pool}: all of them are used.`, {
        where: { field: 'pool', value: namesOf(arms) },
        hint: 'Results for larger K would be the same; import more adapters, or take a smaller K.',
      }),
    ),
    ...skipping.map(({ arm, skip, k }) => {
      const left = Math.max(0, pool - skip)
      const own = needsOwn(arm) ? ' besides your own LoRA' : ''
      return warningProblem(
        'pool-small',
        `"${arm.label ?? arm.id}" skips ${skip} of the ${pool} adapters: ${left} remain${own}, and K is ${k}.`,
        {
          where: { field: `arms.${arm.id}`, value: String(skip) },
          hint: 'The arm then merges fewer adapters than the others; give the plan a larger pool.',
        },
      )
    }),
  ]
}

function askedOf(arm: Arm): readonly Asked[] {
  const adapt = armOfAdapt(arm)
  if (!adapt || adapt.arm === 'train' || adapt.control === 'retuned_own') return []
  const { params } = checkAdaptParams(adapt)
  if (params['selection'] === 'all' || arm.kind === 'best_single') return []
  const [k, skip] = [Number(params['k']), Number(params['skip'])]
  return [{ arm, k, taken: needsOwn(arm) && params['ownFirst'] === true ? k - 1 : k, skip }]
}

function namesOf(asked: readonly Asked[]): string {
  return asked.map(({ arm }) => arm.label ?? arm.id).join(', ')
}
