import type { Bridge } from '../bridge.ts'

/**
 * Owns the set of chosen adapters: made in Library, shown as the tray in every section. Ids stand in the order in which they were chosen.
 * After library.changed, adapters that are no longer there leave the selection.
 */
export class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set())
  count = $derived(this.ids.size)

  constructor(bridge: Bridge) {
    bridge.on('library.changed', ({ ids }) => void this.#forgetGone(bridge, ids))
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }

  toggle(id: string): void {
    if (this.ids.has(id)) this.remove([id])
    else this.add([id])
  }

  add(ids: Iterable<string>): void {
    this.ids = new Set([...this.ids, ...ids])
  }

  remove(ids: Iterable<string>): void {
    const gone = new Set(ids)
    this.ids = new Set([...this.ids].filter((id) => !gone.has(id)))
  }

  /** Replaces the whole selection. */
  set(ids: Iterable<string>): void {
    this.ids = new Set(ids)
  }

  clear(): void {
    this.ids = new Set()
  }

  async #forgetGone(bridge: Bridge, changed: readonly string[]): Promise<void> {
    const mine = changed.filter((id) => this.ids.has(id))
    if (mine.length === 0) return
    const answer = await bridge.call('library.byIds', { ids: mine })
    if (!answer.ok) return
    const there = new Set(answer.value.map((row) => row.id))
    this.remove(mine.filter((id) => !there.has(id)))
  }
}
