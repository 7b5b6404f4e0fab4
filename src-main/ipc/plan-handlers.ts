import { checkPlan } from '../plans/check-plan.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** Requests that check, start, go on with and stop plans. */
export function planHandlers({
  plans,
  planServices,
}: Pick<Services, 'plans' | 'planServices'>): Pick<Handlers, 'plans.check' | 'plans.start' | 'plans.run' | 'plans.stop'> {
  return {
    'plans.check': ({ draft }) => checkPlan(draft, planServices),
    'plans.start': async ({ draft }) => {
      const { planId, problems } = await plans.start(draft)
      return { planId, problems: [...problems] }
    },
    'plans.run': async ({ planId, cells, again }) => ({ problems: [...(await plans.run(planId, cells, again))] }),
    'plans.stop': ({ planId }) => ({ problems: [...plans.stop(planId)] }),
  }
}
