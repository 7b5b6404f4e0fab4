import { setImmediate } from 'node:timers/promises'
import type { AdapterStore } from './adapter-store.ts'

/** Loads what searches look at bit by bit, so that a large library is ready when it is first searched and nothing waits for it meanwhile. */
export async function loadCatalogue(adapters: Pick<AdapterStore, 'loadSome'>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && adapters.loadSome()) await setImmediate()
}
