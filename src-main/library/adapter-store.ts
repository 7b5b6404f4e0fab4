import type Database from 'better-sqlite3'
import type { AdapterDetail, AdapterRow, ScreenResults } from '../contract/adapter.ts'
import type { Facets, LibraryQuery } from '../contract/library-query.ts'
import { createDetails } from './adapter-detail.ts'
import { rowOf, storedColumns, type StoredAdapter } from './adapter-row.ts'
import { createWrites, type AdapterWrites } from './adapter-writes.ts'
import { createCatalogue } from './catalogue.ts'
import { createEdits, type AdapterEdits } from './edit-adapters.ts'
import type { EditJournal } from './edit-journal.ts'
import { createFinder, type FindAdapter } from './find-adapter.ts'
import { createHashCache, type HashCache } from './hash-cache.ts'
import type { Links } from './links.ts'
import { createMissingAdapters, type MissingAdapters } from './missing-store.ts'
import { createPathStore, type PathStore } from './path-store.ts'
import { createUncheckedRows, type UncheckedRows } from './unchecked-row.ts'

/**
 * The adapters of the library. Reading and editing are for everybody; the stores at its end
 * belong to the import door and to rescanning.
 */
export interface AdapterStore extends AdapterEdits {
  list(query: LibraryQuery): { rows: AdapterRow[]; total: number }
  /** Ids of every adapter that fits, in order, without regard to offset and limit. */
  ids(query: LibraryQuery): string[]
  facets(): Facets
  /** Loads a part of what searches look at; true while there is more. Searches load what is left themselves. */
  loadSome(): boolean
  get(id: string): AdapterDetail | null
  /** What the screens of the recycling study say of an adapter; null for an unknown id. */
  screens(id: string): ScreenResults | null
  /** Rows in the order of `ids`; unknown ids are left out. */
  byIds(ids: readonly string[]): AdapterRow[]
  readonly find: FindAdapter
  readonly writes: AdapterWrites
  readonly paths: PathStore
  readonly hashes: HashCache
  readonly unchecked: UncheckedRows
  readonly missing: MissingAdapters
}

/** The adapter rows of `db`; edits of their tags go through `journal`. */
export function createAdapterStore(db: Database.Database, links: Links, journal: EditJournal): AdapterStore {
  const catalogue = createCatalogue(db)
  const bySeqs = db.prepare<[string], StoredAdapter>(
    `SELECT ${storedColumns} FROM adapters a WHERE a.seq IN (SELECT value FROM json_each(?))`,
  )
  const rowsOf = (found: readonly { readonly seq: number }[]): AdapterRow[] => {
    const stored = new Map(bySeqs.all(JSON.stringify(found.map(({ seq }) => seq))).map((row) => [row.seq, row]))
    return found.flatMap(({ seq }) => {
      const row = stored.get(seq)
      return row ? [rowOf(row)] : []
    })
  }
  const byId = db.prepare<[string], StoredAdapter>(`SELECT ${storedColumns} FROM adapters a WHERE a.id = ?`)
  const screens = db.prepare<[string], { screens: string }>('SELECT screens FROM adapters WHERE id = ?')
  return {
    ...createEdits(db, links, journal),
    list(query) {
      const found = catalogue.find(query)
      return { rows: rowsOf(found.slice(query.offset, query.offset + query.limit)), total: found.length }
    },
    ids: (query) => catalogue.find(query).map(({ id }) => id),
    facets: catalogue.facets,
    loadSome: catalogue.loadSome,
    get: createDetails(db),
    screens(id) {
      const row = screens.get(id)
      return row ? (JSON.parse(row.screens) as ScreenResults) : null
    },
    byIds: (ids) =>
      ids.flatMap((id) => {
        const stored = byId.get(id)
        return stored ? [rowOf(stored)] : []
      }),
    find: createFinder(db),
    writes: createWrites(db, links),
    paths: createPathStore(db),
    hashes: createHashCache(db),
    unchecked: createUncheckedRows(db),
    missing: createMissingAdapters(db),
  }
}
