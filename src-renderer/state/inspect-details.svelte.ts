import type { AdapterRow } from '../../src-main/contract/adapter.ts'
import type { AdapterInspection } from '../../src-main/contract/inspection.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { mostDetailed, mostPooled, pageOfRows } from './inspect-set.ts'

/**
 * Owns what the charts of Inspect need beyond the similarity: the modules of a few adapters, the detector's figures of all that are shown,
 * and the rows of the whole library for comparison. Each is asked for when its chart is first shown, and again when what it shows changed.
 */
export class InspectDetails {
  /** With modules, of the first adapters shown. */
  detailed = $state.raw<readonly AdapterInspection[]>([])
  /** Without modules, of all that are shown. */
  summaries = $state.raw<readonly AdapterInspection[]>([])
  pool = $state.raw<readonly AdapterRow[]>([])
  /** Adapters in the library; more than `pool` holds where there are more than it reads. */
  poolTotal = $state(0)
  waiting = $state({ detailed: false, summaries: false, pool: false })
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #ids: readonly string[] = []
  #wanted = new Set<'detailed' | 'summaries' | 'pool'>()
  #generation = 0
  #poolGeneration = 0
  #poolLoaded = false

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** Forgets what was read of other adapters. */
  show(ids: readonly string[]): void {
    this.#ids = ids
    this.detailed = []
    this.summaries = []
    this.#generation += 1
  }

  /** The chart of `part` is on screen and shows these adapters: what is not at hand is asked for. */
  want(part: 'detailed' | 'summaries' | 'pool', ids: readonly string[]): void {
    this.#wanted.add(part)
    if (ids.length !== this.#ids.length || ids.some((id, place) => id !== this.#ids[place])) this.show(ids)
    if (part === 'pool') void this.#loadPool()
    else if (this[part].length === 0) void this.#load(part)
  }

  /** The chart of `part` has left the screen. */
  release(part: 'detailed' | 'summaries' | 'pool'): void {
    this.#wanted.delete(part)
  }

  /** Asks again for what is on screen; what is not is forgotten, and asked for when it is looked at. */
  refresh(): void {
    this.#generation += 1
    for (const part of ['detailed', 'summaries'] as const) {
      if (this.#wanted.has(part)) void this.#load(part)
      else this[part] = []
    }
    if (this.#wanted.has('pool')) void this.#loadPool()
  }

  /** The library has changed: its rows are read again when they are looked at. */
  outdatePool(): void {
    this.#poolLoaded = false
  }

  async #load(part: 'detailed' | 'summaries'): Promise<void> {
    const generation = this.#generation
    const ids = part === 'detailed' ? this.#ids.slice(0, mostDetailed) : this.#ids
    if (ids.length === 0) return
    this.waiting[part] = true
    const answer = await this.#bridge.call('inspect.adapters', { ids: [...ids], modules: part === 'detailed' })
    if (generation !== this.#generation) return
    this.waiting[part] = false
    this.problems = answer.ok ? [] : answer.problems
    if (answer.ok) this[part] = answer.value
  }

  async #loadPool(): Promise<void> {
    if (this.#poolLoaded) return
    this.#poolLoaded = true
    this.#poolGeneration += 1
    const generation = this.#poolGeneration
    this.waiting.pool = true
    const rows: AdapterRow[] = []
    for (let offset = 0; offset < mostPooled; offset += pageOfRows) {
      const answer = await this.#bridge.call('library.list', { offset, limit: pageOfRows })
      if (generation !== this.#poolGeneration) return
      if (!answer.ok) {
        this.problems = answer.problems
        this.#poolLoaded = false
        break
      }
      rows.push(...answer.value.rows)
      this.poolTotal = answer.value.total
      if (answer.value.rows.length < pageOfRows) break
    }
    this.pool = rows
    this.waiting.pool = false
  }
}
