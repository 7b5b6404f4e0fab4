import { nearDuplicateCosine, type AdapterInspection, type Families } from '../../src-main/contract/inspection.ts'
import { endedStates } from '../../src-main/contract/job.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'
import { refusals } from './answers.ts'

/** Walking the table by arrow keys passes many adapters; only one that stays is asked about. */
const pauseMs = 120

/**
 * Owns the inspection of the adapter in the detail pane, and the near-duplicate families of the library.
 * The inspection is asked for when its part of the pane is drawn and when library.changed names the adapter; the newest question wins.
 * Families are asked for once and again after a job has ended, since only a comparison changes them.
 */
export class LibraryInspection {
  /** Null until it is there, or when the adapter has none. */
  current = $state.raw<AdapterInspection | null>(null)
  families = $state.raw<Families | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #id: string | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #familiesKnown = false

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('library.changed', ({ ids }) => {
      if (this.#id !== null && ids.includes(this.#id)) this.#later()
    })
    bridge.on('job.changed', (job) => {
      if (endedStates.includes(job.state)) this.#familiesKnown = false
    })
  }

  /** Shows an adapter, or nothing. */
  show(id: string | null): void {
    if (id === this.#id) return
    this.#id = id
    this.current = null
    this.problems = []
    clearTimeout(this.#timer)
    if (id !== null) this.#later()
  }

  #later(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#load(), pauseMs)
  }

  async #load(): Promise<void> {
    const id = this.#id
    if (id === null) return
    const answer = await this.#bridge.call('inspect.adapter', { id })
    if (id !== this.#id) return
    this.problems = refusals(answer)
    if (answer.ok) this.current = answer.value
    if (!this.#familiesKnown) await this.#loadFamilies()
  }

  async #loadFamilies(): Promise<void> {
    this.#familiesKnown = true
    const answer = await this.#bridge.call('inspect.families', { threshold: nearDuplicateCosine })
    if (answer.ok) this.families = answer.value
    else this.problems = answer.problems
  }
}
