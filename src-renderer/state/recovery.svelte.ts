import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'

/** Owns what happens while the library is damaged: one attempt at a time to put it right, and why the last one failed. */
export class RecoveryState {
  busy = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** Puts a backup in the place of the library; true when that was done. */
  restore(path: string): Promise<boolean> {
    return this.#attempt(() => this.#bridge.call('recovery.restore', { path }))
  }

  /** Begins with an empty library; true when that was done. */
  startEmpty(): Promise<boolean> {
    return this.#attempt(() => this.#bridge.call('recovery.startEmpty', {}))
  }

  async reveal(path: string): Promise<void> {
    const answer = await this.#bridge.call('app.reveal', { path })
    this.problems = answer.ok ? answer.value.problems : answer.problems
  }

  async #attempt(ask: () => ReturnType<Bridge['call']>): Promise<boolean> {
    this.busy = true
    try {
      const answer = await ask()
      this.problems = answer.ok ? [] : answer.problems
      return answer.ok
    } finally {
      this.busy = false
    }
  }
}
