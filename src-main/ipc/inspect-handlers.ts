import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type InspectRequest = 'inspect.adapter' | 'inspect.adapters' | 'inspect.similarity' | 'inspect.compare' | 'inspect.families'

/** Requests of the section Inspect: spectra, the detector, cosines and families. */
export function inspectHandlers({ library, queue }: Pick<Services, 'library' | 'queue'>): Pick<Handlers, InspectRequest> {
  const { inspections, similarities } = library
  return {
    'inspect.adapter': ({ id }) => inspections.get(id),
    'inspect.adapters': ({ ids, modules }) => inspections.many(ids, modules),
    'inspect.similarity': ({ ids }) => similarities.similarity(ids),
    'inspect.compare': ({ ids }) => {
      const { jobId, problems } = queue.start('compare', { ids })
      return { jobId, problems: [...problems] }
    },
    'inspect.families': ({ threshold }) => similarities.families(threshold),
  }
}
