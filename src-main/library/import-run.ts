import type { ImportItem, ImportProgress, ImportReport } from '../contract/import-report.ts'
import type { ScreenResults } from '../contract/adapter.ts'
import { failedScreens } from './judge-screens.ts'
import type { ImportStore } from './import-store.ts'

/** One running import: its items, what is counted of them, and how far it is. */
export interface ImportRun {
  readonly id: string
  readonly signal: AbortSignal
  stop(): void
  /** Adds items to the report and returns the place of the first. */
  add(items: readonly ImportItem[]): number
  /** Replaces item number `position`; `screens` of an adapter that came in are counted. */
  settle(position: number, item: ImportItem, screens?: ScreenResults): void
  items(): readonly ImportItem[]
  /** Goes on to another stage with `total` things to do (0: not known yet). */
  enter(stage: ImportProgress['stage'], total: number): void
  /** Says that `count` more things of the stage are done. */
  advance(count: number): void
  finish(at: Date): void
}

type Counts = ImportReport['counts']

/** Begins an import in `store`; `emit` hears of progress at most once in 100 ms, and of every stage. */
export function beginImport(store: ImportStore, startedAt: Date, emit: (progress: ImportProgress) => void): ImportRun {
  const { seq, id } = store.begin(startedAt.toISOString())
  const abort = new AbortController()
  const items: ImportItem[] = []
  const screenCounts: Record<string, number> = {}
  let stage: ImportProgress['stage'] = 'scanning'
  let total = 0
  let done = 0
  let stageBegan = performance.now()
  let lastEmit = -Infinity

  function tell(now: number): void {
    lastEmit = now
    const seconds = (now - stageBegan) / 1000
    const ratePerSecond = seconds > 0 ? done / seconds : 0
    const etaSeconds = total > 0 && ratePerSecond > 0 ? (total - done) / ratePerSecond : null
    emit({ id, stage, done, total, ratePerSecond, etaSeconds, counts: countItems(items, screenCounts) })
  }

  return {
    id,
    signal: abort.signal,
    stop: () => abort.abort(),
    add(added) {
      const first = items.length
      for (const item of added) store.put(seq, items.push(item) - 1, item)
      return first
    },
    settle(position, item, screens) {
      items[position] = item
      store.put(seq, position, item)
      if (item.status === 'imported' && screens)
        for (const failed of failedScreens(screens)) screenCounts[failed] = (screenCounts[failed] ?? 0) + 1
    },
    items: () => items,
    enter(next, count) {
      stage = next
      total = count
      done = 0
      stageBegan = performance.now()
      tell(stageBegan)
    },
    advance(count) {
      done += count
      const now = performance.now()
      if (now - lastEmit >= progressIntervalMs) tell(now)
    },
    finish(at) {
      store.finish(seq, at.toISOString())
      stage = 'done'
      tell(performance.now())
    },
  }
}

const progressIntervalMs = 100

function countItems(items: readonly ImportItem[], byScreen: Readonly<Record<string, number>>): Counts {
  const counts = { imported: 0, duplicate: 0, refused: 0, pending: 0 }
  const byReason: Record<string, number> = {}
  for (const { status, problems } of items) {
    counts[status] += 1
    const reason = status === 'refused' ? problems[0]?.code : undefined
    if (reason !== undefined) byReason[reason] = (byReason[reason] ?? 0) + 1
  }
  return { ...counts, byReason, byScreen: { ...byScreen } }
}
