import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'

/** Owns the licence texts of Amalgam and of what it ships with. Read once, when they are first shown; they never change while it runs. */
export class LicencesState {
  text = $state('')
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  async load(): Promise<void> {
    if (this.text !== '') return
    const answer = await this.#bridge.call('app.licences', {})
    if (answer.ok) this.text = answer.value
    this.problems = answer.ok ? [] : answer.problems
  }
}
