import type Database from 'better-sqlite3'
import type { AdapterDetail, AdapterRow, ScreenResults } from '../contract/adapter.ts'
import type { Facets, LibraryQuery } from '../contract/library-query.ts'
import { createDetails } from './adapter-detail.ts'
import { rowOf, storedColumns, type StoredAdapter } from './adapter-row.ts'
import { createWrites, type AdapterWrites } from './adapter-writes.ts'
import { compileQuery } from './compile-query.ts'
import { createEdits, type AdapterEdits } from './edit-adapters.ts'
import { createFacets } from './facets.ts'
import { createFinder, type FindAdapter } from './find-adapter.ts'
import { createHashCache, type HashCache } from './hash-cache.ts'
import { createPathStore, type PathStore } from './path-store.ts'
import { createUncheckedRows, type UncheckedRows } from './unchecked-row.ts'

/**
 * The adapters of the library. Reading and editing are for everybody; the four stores at its end
 * belong to the import door and to rescanning.
 */
export interface AdapterStore extends AdapterEdits {
  list(query: LibraryQuery): { rows: AdapterRow[]; total: number }
  /** Ids of every adapter that fits, in order, without regard to offset and limit. */
  ids(query: LibraryQuery): string[]
  facets(): Facets
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
}

/** The adapter rows of `db`. */
export function createAdapterStore(db: Database.Database): AdapterStore {
  const byId = db.prepare<[string], StoredAdapter>(`SELECT ${storedColumns} FROM adapters a WHERE a.id = ?`)
  const screens = db.prepare<[string], { screens: string }>('SELECT screens FROM adapters WHERE id = ?')
  return {
    ...createEdits(db),
    list(query) {
      const { where, order, parameters } = compileQuery(query)
      const total = db.prepare<(string | number)[], { total: number }>(`SELECT count(*) AS total FROM adapters a WHERE ${where}`)
      // The page is chosen by the narrow rows first, so that what is gathered beside them is gathered for one page only.
      const page = db.prepare<(string | number)[], StoredAdapter>(
        `SELECT ${storedColumns} FROM adapters a WHERE a.seq IN (SELECT a.seq FROM adapters a WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?)
         ORDER BY ${order}`,
      )
      return {
        rows: page.all(...parameters, query.limit, query.offset).map(rowOf),
        total: total.get(...parameters)!.total,
      }
    },
    ids(query) {
      const { where, order, parameters } = compileQuery(query)
      const ids = db.prepare<(string | number)[], { id: string }>(`SELECT a.id FROM adapters a WHERE ${where} ORDER BY ${order}`)
      return ids.all(...parameters).map((row) => row.id)
    },
    facets: createFacets(db),
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
    writes: createWrites(db),
    paths: createPathStore(db),
    hashes: createHashCache(db),
    unchecked: createUncheckedRows(db),
  }
}
