import type { RunRef } from '../contract/runs-list.ts'
import { compareRuns } from '../plans/compare-runs.ts'
import { archiveRuns, listRuns, rowsOf } from '../plans/list-runs.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type RunsRequest = Extract<keyof Handlers, `runs.${string}`>

/** Requests of the section Runs: every plan, evaluation and adaptation as one list. */
export function runListHandlers({ library, emit }: Pick<Services, 'library' | 'emit'>): Pick<Handlers, RunsRequest> {
  /** Other windows hear of it as of any change of these runs. */
  function changed(refs: readonly RunRef[]): { readonly problems: [] } {
    const baseIds = new Set(refs.flatMap(({ kind, id }) => (kind === 'evaluation' ? (library.runs.get(id)?.baseId ?? []) : [])))
    for (const baseId of baseIds) emit('runs.changed', { baseId })
    for (const { kind, id } of refs) {
      if (kind === 'plan') emit('plans.changed', { planId: id })
      if (kind === 'adaptation') emit('adapt.changed', { jobId: id })
    }
    return { problems: [] }
  }
  return {
    'runs.list': (query) => listRuns(query, library),
    'runs.compare': ({ runs }) => compareRuns(runs, library),
    'runs.setArchived': ({ runs, archived }) => {
      archiveRuns(runs, archived, library)
      return changed(runs)
    },
    'runs.pin': ({ run }) => {
      const before = library.runMarks.pinned()
      if (run) rowsOf([run], library)
      library.runMarks.pin(run)
      return changed([before, run].filter((ref) => ref !== null))
    },
  }
}
