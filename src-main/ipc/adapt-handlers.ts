import { planAdaptation } from '../jobs/adapt-plan.ts'
import { keepBest, startAdaptations } from '../jobs/adapt-start.ts'
import { promoteTrial } from '../jobs/search-promote.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

/** Requests of Adapt: what a job would need, the jobs that do it, and what became of them. */
export function adaptHandlers({
  adapt,
  library,
  queue,
}: Pick<Services, 'adapt' | 'library' | 'queue'>): Pick<
  Handlers,
  'adapt.plan' | 'adapt.start' | 'adapt.list' | 'adapt.get' | 'adapt.keepBest' | 'adapt.promote'
> {
  return {
    'adapt.plan': (input) => planAdaptation(input, adapt),
    'adapt.start': async (start) => {
      await library.bases.readShapes()
      return startAdaptations(start, adapt, queue)
    },
    'adapt.list': (filter) => library.adaptations.list(filter),
    'adapt.get': ({ jobId }) => library.adaptations.get(jobId),
    'adapt.promote': (place) => {
      const { jobId, problems } = promoteTrial(place, adapt, queue)
      return { jobId, problems: [...problems] }
    },
    'adapt.keepBest': ({ jobId }) => ({ problems: [...keepBest(jobId, adapt, queue)] }),
  }
}
