import type Database from 'better-sqlite3'
import { refreshStatusSql } from './adapter-writes.ts'
import type { Stamp } from './read-file.ts'

/** A place where an adapter was seen. */
export interface KnownPath {
  readonly path: string
  readonly stamp: Stamp
  readonly present: boolean
  readonly adapterId: string
  /** True when the adapter is refused. */
  readonly refused: boolean
}

/** The places of adapters, for looking whether they are still there. */
export interface PathStore {
  /** The places of the given adapters. */
  of(ids: readonly string[]): KnownPath[]
  /** At most `limit` places in the order of their paths, from the first one behind `path` on. */
  after(path: string, limit: number): KnownPath[]
  /** Says whether the adapter is still at `path`; an adapter with no place left becomes missing, one with a place again ok. */
  setPresent(path: string, present: boolean): void
  /** What was last seen at `path`, a real path of a folder; null when no adapter was. */
  at(path: string): KnownPath | null
  /** Ids of the missing adapters, of all or among the given ones. */
  missingIds(ids?: readonly string[]): string[]
}

interface PathRow {
  readonly path: string
  readonly stamp: string
  readonly present: number
  readonly adapterId: string
  readonly refused: number
}

/** The paths in `db`. */
export function createPathStore(db: Database.Database): PathStore {
  const columns = `SELECT p.path, p.stamp, p.present, a.id AS adapterId, a.status = 'refused' AS refused
    FROM adapter_paths p JOIN adapters a ON a.seq = p.adapter_seq`
  const after = db.prepare<[string, number], PathRow>(`${columns} WHERE p.path > ? ORDER BY p.path LIMIT ?`)
  const ofOne = db.prepare<[string], PathRow>(`${columns} WHERE a.id = ? ORDER BY p.path`)
  const atPath = db.prepare<[string], PathRow>(`${columns} WHERE p.path = ?`)
  const knownOf = (row: PathRow): KnownPath => ({ ...row, present: row.present === 1, refused: row.refused === 1 })
  const setPresent = db.prepare<[number, string], { seq: number }>(
    'UPDATE adapter_paths SET present = ? WHERE path = ? RETURNING adapter_seq AS seq',
  )
  const missing = db.prepare<[], { id: string }>("SELECT id FROM adapters WHERE status = 'missing'")
  const isMissing = db.prepare<[string], { id: string }>("SELECT id FROM adapters WHERE id = ? AND status = 'missing'")
  const refreshStatus = db.prepare(refreshStatusSql)
  return {
    of: (ids) => ids.flatMap((id) => ofOne.all(id)).map(knownOf),
    after: (path, limit) => after.all(path, limit).map(knownOf),
    at(path) {
      const row = atPath.get(path)
      return row ? knownOf(row) : null
    },
    setPresent(path, present) {
      const owner = setPresent.get(present ? 1 : 0, path)
      if (owner) refreshStatus.run(owner.seq)
    },
    missingIds: (ids) => (ids === undefined ? missing.all().map((row) => row.id) : ids.filter((id) => isMissing.get(id) !== undefined)),
  }
}
