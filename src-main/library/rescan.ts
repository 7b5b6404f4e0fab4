import { setTimeout } from 'node:timers/promises'
import type { KnownPath } from './path-store.ts'
import { writeBack, type ImportTools } from './run-import.ts'

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

/** Changed places after which another thread writes the journal back, before SQLite does so in this one and waits for the disk. */
const writtenBackAfter = 1000

/** Longest pause between two goes, in milliseconds. */
const longestPauseMs = 50

/**
 * Looks at every known place (or those of `ids`) and writes down which still hold what they held; stops between batches when `signal` says so.
 * It rests as long as it worked, so that neither the disk nor the window is taken up by a large library.
 */
export async function rescanPlaces(
  tools: Pick<ImportTools, 'adapters' | 'pool' | 'databaseFile' | 'log'>,
  signal: AbortSignal,
  ids?: readonly string[],
): Promise<Rescanned> {
  const { adapters, pool } = tools
  let written = 0
  const before = new Set(adapters.paths.missingIds(ids))
  const changed: string[] = []
  const touched = new Set<string>()
  for (const nextBatch = batches(adapters, ids); ;) {
    const started = performance.now()
    const batch = nextBatch()
    if (batch.length === 0) break
    const stamps = await pool.run('stamp', batch.map((place) => place.path)) // prettier-ignore
    if (signal.aborted) break
    adapters.writes.together(() => {
      batch.forEach((place, index) => {
        const what = changeOf(place, stamps[index] ?? null)
        if (what === 'none') return
        touched.add(place.adapterId)
        written += 1
        if (what === 'changed') changed.push(place.path)
        else adapters.paths.setPresent(place.path, what === 'back')
      })
    })
    if (written >= writtenBackAfter) {
      await writeBack(tools)
      written = 0
    }
    if (batch.length === batchSize) await setTimeout(Math.min(longestPauseMs, performance.now() - started))
  }
  const after = signal.aborted ? before : new Set(adapters.paths.missingIds(ids))
  const among = (one: ReadonlySet<string>, other: ReadonlySet<string>) => [...one].filter((id) => touched.has(id) && !other.has(id)).length
  return { missing: among(after, before), found: among(before, after), changed, touched: [...touched] }
}

/** Gives the places to look at, some at a time and none at the end. */
function batches(adapters: ImportTools['adapters'], ids: readonly string[] | undefined): () => readonly KnownPath[] {
  if (ids !== undefined) {
    const places = adapters.paths.of(ids)
    return () => places.splice(0, batchSize)
  }
  let last = ''
  return () => {
    const batch = adapters.paths.after(last, batchSize)
    last = batch.at(-1)?.path ?? last
    return batch
  }
}

function changeOf({ stamp, present, refused }: KnownPath, now: string | null): 'none' | 'gone' | 'back' | 'changed' {
  // A refused adapter may lack a file to begin with; only a complete one is looked at again.
  if (refused) return now === null || now === stamp ? 'none' : 'changed'
  if (now === null) return present ? 'gone' : 'none'
  if (now !== stamp) return 'changed'
  return present ? 'none' : 'back'
}
