import type { Problem } from '../../src-main/contract/problems.ts'
import type { Bridge } from '../bridge.ts'

/** Owns which folders are really watched and why some cannot be. Asked for when it is shown, and then after library.toolsChanged. */
export class WatchingState {
  folders = $state.raw<readonly string[]>([])
  /** Why a folder is not watched; `where.path` names it. */
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #shown = false

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('library.toolsChanged', () => {
      if (this.#shown) void this.#load()
    })
  }

  /** It is on screen (or no longer). */
  show(shown: boolean): void {
    this.#shown = shown
    if (shown) void this.#load()
  }

  async #load(): Promise<void> {
    const answer = await this.#bridge.call('library.watching', {})
    if (answer.ok) this.folders = answer.value.folders
    this.problems = answer.ok ? answer.value.problems : answer.problems
  }
}
