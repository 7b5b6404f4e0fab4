import type { Bridge } from '../bridge.ts'

/** The adapters of the library that fit a base model, by name. */
export class FittingAdapters {
  all = $state.raw<readonly { readonly id: string; readonly name: string }[]>([])
  readonly #bridge: Bridge
  #asked = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  async load(baseId: string): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const answer = await this.#bridge.call('bases.matches', { id: baseId })
    if (asked !== this.#asked || !answer.ok) return
    this.all = [...answer.value.fitting].sort((left, right) => left.name.localeCompare(right.name))
  }
}
