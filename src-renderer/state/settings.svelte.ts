import * as v from 'valibot'
import type { Problem } from '../../src-main/contract/problems.ts'
import { settingsSchema, type Settings } from '../../src-main/contract/settings.ts'
import type { Bridge } from '../bridge.ts'

/**
 * Owns the person's settings as the host holds them. Loaded once at start, refreshed by settings.changed.
 * The layout (pane widths, columns) is written late and together, since a dragged border changes at every pixel.
 */
export class SettingsState {
  current = $state.raw<Settings>(v.parse(settingsSchema, {}))
  loaded = $state(false)
  problems = $state.raw<readonly Problem[]>([])
  readonly #bridge: Bridge
  #layoutTimer: ReturnType<typeof setTimeout> | undefined
  #pendingLayout: Readonly<Record<string, string>> = {}

  constructor(bridge: Bridge) {
    this.#bridge = bridge
    bridge.on('settings.changed', (settings) => {
      this.current = { ...settings, layout: { ...settings.layout, ...this.#pendingLayout } }
    })
  }

  async load(): Promise<void> {
    const answer = await this.#bridge.call('settings.get', {})
    if (answer.ok) this.current = answer.value
    this.problems = answer.ok ? [] : answer.problems
    this.loaded = true
  }

  /** True while the host answers everything with a damaged library. */
  get damaged(): boolean {
    return this.problems.some((problem) => problem.code === 'library-corrupt')
  }

  /** Changes some settings; answers with the problems for which the host refused, and then nothing has changed. */
  async change(settings: Partial<Settings>): Promise<readonly Problem[]> {
    const answer = await this.#bridge.call('settings.set', { settings })
    if (answer.ok) this.current = { ...answer.value, layout: { ...answer.value.layout, ...this.#pendingLayout } }
    this.problems = answer.ok ? [] : answer.problems
    return this.problems
  }

  /** A remembered piece of layout, or undefined. */
  layout(key: string): string | undefined {
    return this.current.layout[key]
  }

  /** Remembers a piece of layout: at once in the window, half a second later on disk. */
  setLayout(key: string, value: string): void {
    this.#pendingLayout = { ...this.#pendingLayout, [key]: value }
    this.current = { ...this.current, layout: { ...this.current.layout, [key]: value } }
    clearTimeout(this.#layoutTimer)
    this.#layoutTimer = setTimeout(() => void this.#writeLayout(), 500)
  }

  async #writeLayout(): Promise<void> {
    const layout = this.current.layout
    this.#pendingLayout = {}
    await this.change({ layout })
  }
}
