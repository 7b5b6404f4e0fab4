import type { PlanStore } from '../library/plan-types.ts'
import { agreementOf, cellsOfRun, hasRight, rightValue } from '../plans/agreement.ts'
import { planOutcomes } from '../plans/outcomes.ts'
import { describeComparedPlan, type PlanDescriber } from '../plans/plan-detail.ts'
import { byBudget, mostSingleTasks, type PlacedContents, type PlacedExamples, type ReportInput, type ReportPlace } from './plan-view.ts'

/** So many examples of each arm are shown. */
const mostExamples = 3

/**
 * What the report of a plan is made from, once its results are compared as they are; null for an unknown plan. Examples and coefficients are those of
 * the largest budget and the first seed, where there are few tasks.
 */
export async function gatherReport({ plans, ...describer }: PlanDescriber, planId: string): Promise<ReportInput | null> {
  const detail = await describeComparedPlan({ plans, ...describer }, planId)
  if (!detail) return null
  const budget = byBudget(detail).at(-1)?.budget
  const seed = detail.file.seeds[0]
  const isFew = detail.file.tasks.length <= mostSingleTasks
  const places =
    budget === undefined || seed === undefined || !isFew ? [] : detail.file.tasks.map((task): ReportPlace => ({ task, budget, seed }))
  return {
    detail,
    agreements: places.flatMap((place) => {
      const agreement = agreementOf(plans, { planId, ...place })
      return agreement ? [{ ...place, agreement }] : []
    }),
    examples: places.flatMap((place) => examplesAt(plans, planId, place)),
    contents: places.map((place) => contentsAt(plans, planId, place)),
  }
}

/** Examples that exactly one arm gets right. */
function examplesAt(plans: PlanStore, planId: string, place: ReportPlace): readonly PlacedExamples[] {
  if (!hasRight(plans.taskFacts(planId).find(({ task }) => task === place.task))) return []
  const run = { planId, ...place }
  const arms = [...cellsOfRun(plans, run).keys()]
  if (arms.length < 2) return []
  const { rows } = planOutcomes(plans, { ...run, arms, right: [], wrong: [], text: '', offset: 0, limit: Number.MAX_SAFE_INTEGER })
  const alone = rows.flatMap((row) => {
    const right = row.byArm.filter(({ value }) => value === rightValue)
    return right.length === 1 && row.byArm.length === arms.length ? [{ arm: right[0]!.arm, row }] : []
  })
  const found = arms.map((arm) => alone.filter((entry) => entry.arm === arm).map(({ row }) => row))
  return [{ ...place, arms: arms.map((arm, index) => ({ arm, total: found[index]!.length, rows: found[index]!.slice(0, mostExamples) })) }]
}

function contentsAt(plans: PlanStore, planId: string, place: ReportPlace): PlacedContents {
  const merges = [...cellsOfRun(plans, { planId, ...place })].flatMap(([arm, { id }]) => {
    const table = plans.result(planId, id)?.coefficients
    if (!table) return []
    return [{ arm, adapters: table.adapters.map(({ name }, index) => ({ name, share: table.shares?.[index] ?? null })) }]
  })
  return { ...place, merges }
}
