import { setImmediate } from 'node:timers/promises'
import type { AdapterStore } from './adapter-store.ts'
import type { KnownPath } from './path-store.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What looking at the places of adapters came to. */
export interface Rescanned {
  /** Adapters that are missing now and were not before, and the reverse. */
  readonly missing: number
  readonly found: number
  /** Places where other content lies now; they are to be imported. */
  readonly changed: readonly string[]
  /** Ids of adapters whose places changed. */
  readonly touched: readonly string[]
}

/** Places looked at in one go. */
const batchSize = 64

/** Looks at every known place (or those of `ids`) and writes down which still hold what they held; stops between batches when `signal` says so. */
export async function rescanPlaces(
  adapters: AdapterStore,
  pool: WorkerPool,
  signal: AbortSignal,
  ids?: readonly string[],
): Promise<Rescanned> {
  const places = adapters.paths.all(ids)
  const before = new Set(adapters.paths.missingIds(ids))
  const changed: string[] = []
  const touched = new Set<string>()
  for (let from = 0; from < places.length; from += batchSize) {
    const batch = places.slice(from, from + batchSize)
    const stamps = await pool.run('stamp', batch.map((place) => place.path)) // prettier-ignore
    if (signal.aborted) break
    adapters.writes.together(() => {
      batch.forEach((place, index) => {
        const what = changeOf(place, stamps[index] ?? null)
        if (what === 'none') return
        touched.add(place.adapterId)
        if (what === 'changed') changed.push(place.path)
        else adapters.paths.setPresent(place.path, what === 'back')
      })
    })
    await setImmediate()
  }
  const after = signal.aborted ? before : new Set(adapters.paths.missingIds(ids))
  const among = (one: ReadonlySet<string>, other: ReadonlySet<string>) => [...one].filter((id) => touched.has(id) && !other.has(id)).length
  return { missing: among(after, before), found: among(before, after), changed, touched: [...touched] }
}

function changeOf({ stamp, present, refused }: KnownPath, now: string | null): 'none' | 'gone' | 'back' | 'changed' {
  // A refused adapter may lack a file to begin with; only a complete one is looked at again.
  if (refused) return now === null || now === stamp ? 'none' : 'changed'
  if (now === null) return present ? 'gone' : 'none'
  if (now !== stamp) return 'changed'
  return present ? 'none' : 'back'
}
