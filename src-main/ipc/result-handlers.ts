import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type ResultRequest = `evaluate.${'results' | 'run' | 'outcomes' | 'remove'}`

/** Requests of what evaluations found. */
export function resultHandlers({ library, emit }: Pick<Services, 'library' | 'emit'>): Pick<Handlers, ResultRequest> {
  const { runs, tasks } = library
  return {
    'evaluate.results': (query) => runs.results({ ...query, titleOf: (taskId) => tasks.get(taskId)?.title ?? taskId }),
    'evaluate.run': ({ id }) => runs.get(id),
    'evaluate.outcomes': (query) => runs.outcomes(query),
    'evaluate.remove': ({ runIds }) => {
      const baseIds = new Set(runIds.flatMap((id) => runs.get(id)?.baseId ?? []))
      const problems = runs.remove(runIds)
      for (const baseId of baseIds) emit('runs.changed', { baseId })
      return { problems }
    },
  }
}
