import { wireKey, type Wire } from '../../src-main/contract/bridge.ts'
import { createWebWire, type WireStatus } from './web-wire.ts'

/** Owns the wire and says whether it holds. In Electron the preload script brings the wire, which never breaks while the window lives. */
export class Connection {
  status = $state<WireStatus>('connecting')
  readonly wire: Wire
  readonly #listeners = new Set<() => void>()

  constructor(window: Window) {
    const given = (window as unknown as Record<string, Wire | undefined>)[wireKey]
    this.wire = given ?? createWebWire(window.location, (status) => this.#change(status))
    if (given) this.status = 'ready'
  }

  /** Calls `listener` each time a broken connection is back: what was shown may be old by then. */
  onRestored(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #change(status: WireStatus): void {
    const restored = this.status === 'lost' && status === 'ready'
    this.status = status
    if (restored) for (const listener of this.#listeners) listener()
  }
}
