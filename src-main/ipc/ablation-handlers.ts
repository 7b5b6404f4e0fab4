import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** The request that asks which adapters of a merge mattered. */
export function ablationHandlers({ planAblator }: Pick<Services, 'planAblator'>): Pick<Handlers, 'plans.ablate'> {
  return {
    'plans.ablate': async ({ planId, cell }) => ({ problems: [...(await planAblator.start(planId, cell)).problems] }),
  }
}
