import type { Undoable } from '../../src-main/contract/library-tools.ts'
import type { Bridge } from '../bridge.ts'
import type { Announcer } from './announce.svelte.ts'
import { outcomeProblems } from './answers.ts'

/**
 * Owns the newest edit of tags or collections that can be taken back, as the host remembers it (over restarts too).
 * Asked for at start, after a lost connection, after each edit and each undo.
 */
export class UndoState {
  newest = $state.raw<Undoable>(null)
  readonly #bridge: Bridge
  readonly #announcer: Announcer

  constructor(bridge: Bridge, announcer: Announcer) {
    this.#bridge = bridge
    this.#announcer = announcer
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('library.undoable', {})
    if (answer.ok) this.newest = answer.value
    else this.#announcer.problem('What can be undone could not be read.', answer.problems)
  }

  /** Says what the edit that was just made changed, with the way back. */
  async offer(): Promise<void> {
    const before = this.newest?.id
    await this.load()
    if (this.newest === null || this.newest.id === before) this.#announcer.done('Nothing had to be changed.')
    else this.#announcer.done(`${this.newest.label} changed.`, { label: 'Undo', run: () => void this.run() })
  }

  /** Takes the newest edit back. */
  async run(): Promise<void> {
    const answer = await this.#bridge.call('library.undo', {})
    const problems = outcomeProblems(answer)
    if (problems.length > 0) this.#announcer.problem('The edit was not taken back.', problems)
    else if (answer.ok && answer.value.undone !== null) this.#announcer.done(`Taken back: ${answer.value.undone}.`)
    await this.load()
  }
}
