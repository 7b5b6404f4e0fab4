import { errorProblem, type Problem } from '../contract/problems.ts'
import { agreementOf } from '../plans/agreement.ts'
import { planOutcomes } from '../plans/outcomes.ts'
import { describePlan } from '../plans/plan-detail.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type PlanResultRequest = `plans.${'list' | 'get' | 'cell' | 'outcomes' | 'agreement' | 'setArchived' | 'pinBaseline' | 'remove'}`

/** Requests of what plans found. */
export function planResultHandlers({
  library,
  emit,
  planDescriber,
}: Pick<Services, 'library' | 'emit' | 'planDescriber'>): Pick<Handlers, PlanResultRequest> {
  const { plans } = library
  const emitChanged = (planIds: readonly string[]): void => planIds.forEach((planId) => emit('plans.changed', { planId }))
  return {
    'plans.list': () => plans.list(),
    'plans.get': ({ planId, baseline }) => describePlan(planDescriber, planId, baseline),
    'plans.cell': ({ planId, cell }) => {
      const result = plans.result(planId, cell)
      return result && { ...result, exampleIds: [], values: [], predictions: [] }
    },
    'plans.outcomes': (query) => planOutcomes(plans, query),
    'plans.agreement': (run) => agreementOf(plans, run),
    'plans.setArchived': ({ planIds, archived }) => {
      const problems = planIds.flatMap((id) => (plans.get(id) ? [] : unknownPlan(id)))
      const known = planIds.filter((id) => plans.get(id) !== null)
      for (const id of known) plans.patch(id, { archived })
      emitChanged(known)
      return { problems }
    },
    'plans.pinBaseline': ({ planId, arm }) => {
      const plan = plans.get(planId)
      if (!plan) return { problems: [unknownPlan(planId)] }
      const arms = plan.file.arms.map(({ id }) => id)
      if (arm !== null && !arms.includes(arm)) {
        return {
          problems: [errorProblem('arm-unknown', `The plan has no arm ${arm}.`, { where: { field: 'arm', value: arm }, allowed: arms })],
        }
      }
      plans.patch(planId, { baseline: arm })
      emitChanged([planId])
      return { problems: [] }
    },
    'plans.remove': ({ planIds }) => {
      const problems = planIds.flatMap((id) => refusalToRemove(id, plans.get(id)?.state))
      const refused = new Set(problems.map(({ where }) => where?.value))
      const removed = planIds.filter((id) => !refused.has(id))
      plans.remove(removed)
      emitChanged(removed)
      return { problems }
    },
  }
}

function unknownPlan(id: string): Problem {
  return errorProblem('plan-unknown', `There is no plan ${id}.`, { where: { value: id }, hint: 'It may have been removed.' })
}

function refusalToRemove(id: string, state: string | undefined): readonly Problem[] {
  if (state === undefined) return [unknownPlan(id)]
  if (state !== 'running' && state !== 'stopping') return []
  return [errorProblem('plan-running', 'The plan is running: it cannot be removed.', { where: { value: id }, hint: 'Stop it first.' })]
}
