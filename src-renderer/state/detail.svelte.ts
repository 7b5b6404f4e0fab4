import type { AdapterDetail } from '../../src-main/contract/adapter.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'

/** Owns the adapter in the detail pane. Asked for when another one is shown and when library.changed names it; the newest question wins. */
export class DetailState {
  id = $state<string | null>(null)
  /** Stays while the same adapter is asked for again, so that nothing jumps. */
  adapter = $state.raw<AdapterDetail | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  /** The adapter asked for is not in the library (any more). */
  gone = $state(false)
  #asked = 0
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('library.changed', ({ ids }) => {
      if (this.id !== null && ids.includes(this.id)) void this.#load(this.id)
    })
  }

  /** Shows an adapter, or nothing. */
  show(id: string | null): void {
    if (id === this.id) return
    this.id = id
    this.gone = false
    this.problems = []
    if (id === null) this.adapter = null
    else void this.#load(id)
  }

  async refresh(): Promise<void> {
    if (this.id !== null) await this.#load(this.id)
  }

  async #load(id: string): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const answer = await this.#bridge.call('library.get', { id })
    if (asked !== this.#asked || id !== this.id) return
    this.problems = answer.ok ? [] : answer.problems
    if (!answer.ok) {
      if (this.adapter?.id !== id) this.adapter = null
      return
    }
    this.adapter = answer.value
    this.gone = answer.value === null
  }
}
