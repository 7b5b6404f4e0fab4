import type { AppInfo } from '../../src-main/contract/settings.ts'
import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'

/** Owns what the host says of itself: version, folders, device with its reason. Loaded at start and after a lost connection. */
export class InfoState {
  current = $state.raw<AppInfo | null>(null)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('app.info', {})
    if (answer.ok) this.current = answer.value
    this.problems = answer.ok ? [] : answer.problems
  }
}
