import type { Problem } from '../../../src-main/contract/problems.ts'
import type { Settings } from '../../../src-main/contract/settings.ts'
import type { SettingsState } from '../../state/settings.svelte.ts'

/** How the last change of one field went; made by the component that shows the field. */
export class SavedField {
  state = $state<'idle' | 'saving' | 'saved' | 'refused'>('idle')
  problems = $state.raw<readonly Problem[]>([])
  readonly #settings: SettingsState

  constructor(settings: SettingsState) {
    this.#settings = settings
  }

  /** Sends a change to the host and keeps how it went. */
  async change(change: Partial<Settings>): Promise<void> {
    this.state = 'saving'
    this.problems = await this.#settings.change(change)
    this.state = this.problems.length > 0 ? 'refused' : 'saved'
  }
}
