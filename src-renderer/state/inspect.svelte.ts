import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { Similarity } from '../../src-main/contract/inspection.ts'
import { endedStates, type Job } from '../../src-main/contract/job.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { InspectDetails } from './inspect-details.svelte.ts'
import { InspectFamilies } from './inspect-families.svelte.ts'
import { mostCompared } from './inspect-set.ts'

/** A library that changes in many small steps is asked again after this pause. */
const changePauseMs = 400
/** While a comparison runs, its first results are shown at this pace, unless they are so many that asking takes long. */
const tickMs = 3000
const mostTicked = 200

/**
 * Owns which adapters the Inspect section shows, and how alike they are. The set is taken from the selection or the library's view and then
 * stands on its own, so that a cluster selected here does not empty the charts. Asked again when the library changes one of the adapters,
 * while a comparison runs, and when it ends.
 */
export class InspectState {
  /** The adapters shown, in the order in which they were chosen. */
  ids = $state.raw<readonly string[]>([])
  rows = $state.raw<readonly AdapterRow[]>([])
  similarity = $state.raw<Similarity | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  /** True from a change of the set until its similarity is there. */
  waiting = $state(false)
  /** Why the last comparison was not started. */
  compareProblems = $state.raw<readonly Problem[]>([])
  /** The comparison last started or seen. */
  jobId = $state<string | null>(null)
  readonly details: InspectDetails
  readonly families: InspectFamilies
  /** Ids the similarity is asked for: those shown, as far as one answer reaches. */
  compared = $derived(this.ids.slice(0, mostCompared))

  readonly #bridge: Bridge
  #asked = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #tickAt = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    this.details = new InspectDetails(bridge)
    this.families = new InspectFamilies(bridge)
    bridge.on('library.changed', ({ ids }) => this.#libraryChanged(ids))
    bridge.on('job.changed', (job) => this.#jobChanged(job))
  }

  /** Shows these adapters. */
  show(ids: Iterable<string>): void {
    this.ids = [...new Set(ids)]
    this.similarity = null
    this.rows = []
    this.compareProblems = []
    this.details.show([])
    void this.refresh()
  }

  /** Asks for everything that is shown again. */
  async refresh(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const ids = this.ids
    if (ids.length === 0) {
      this.waiting = false
      this.problems = []
      return
    }
    this.waiting = true
    const [rows, similarity] = await Promise.all([
      this.#bridge.call('library.byIds', { ids: [...ids] }),
      this.#bridge.call('inspect.similarity', { ids: ids.slice(0, mostCompared) }),
    ])
    if (asked !== this.#asked) return
    this.waiting = false
    this.problems = [...(rows.ok ? [] : rows.problems), ...(similarity.ok ? [] : similarity.problems)]
    if (rows.ok) this.rows = inOrder(ids, rows.value)
    if (similarity.ok) this.similarity = similarity.value
    this.details.refresh()
  }

  /** Starts the comparison of every pair that is not known yet, as a job. */
  async compare(): Promise<void> {
    const answer = await this.#bridge.call('inspect.compare', { ids: [...this.compared] })
    this.compareProblems = answer.ok ? answer.value.problems : answer.problems
    if (answer.ok && answer.value.jobId !== null) this.jobId = answer.value.jobId
  }

  #libraryChanged(ids: readonly string[]): void {
    const changed = new Set(ids)
    this.families.outdate()
    this.details.outdatePool()
    if (this.ids.some((id) => changed.has(id))) this.#later(changePauseMs)
  }

  #jobChanged(job: Job): void {
    if (job.kind !== 'compare') return
    if (!endedStates.includes(job.state)) {
      this.jobId = job.id
      const now = Date.now()
      if (job.state !== 'running' || now - this.#tickAt < tickMs || this.compared.length > mostTicked) return
      this.#tickAt = now
    }
    this.families.outdate()
    this.#later(0)
  }

  #later(pauseMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.refresh(), pauseMs)
  }
}

function inOrder(ids: readonly string[], rows: readonly AdapterRow[]): readonly AdapterRow[] {
  const known = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => known.get(id) ?? [])
}
