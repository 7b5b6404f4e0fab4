import type Database from 'better-sqlite3'
import { libraryMarks, type LibraryMark } from '../contract/library-query.ts'
import type { CatalogueRow } from './catalogue-rows.ts'
import { nearDuplicateCondition } from './near-duplicates.ts'

/** Works out the marks of rows. They depend on the other rows, and are worked out when they are asked for, where something changed. */
export interface RowMarks {
  /** A row came (nothing before), went (nothing after) or changed. */
  changed(before: CatalogueRow | undefined, after: CatalogueRow | undefined): void
  /** Pairs were compared, or are forgotten. */
  pairsChanged(): void
  /** Gives every row whose marks may be others by now, with its marks; each is told once. */
  tell(put: (row: CatalogueRow, marks: readonly LibraryMark[]) => void): void
}

/** Marks over the compared pairs of `db`. */
export function createRowMarks(db: Database.Database): RowMarks {
  const findNear = db.prepare<[], { seq: number }>(`SELECT a.seq FROM adapters a WHERE ${nearDuplicateCondition}`)
  const rows = new Set<CatalogueRow>()
  /** Rows with the same factors. */
  const twins = new Map<string, Set<CatalogueRow>>()
  const untold = new Set<CatalogueRow>()
  let near = new Set<number>()
  let isNearKnown = false

  const twinsOf = ({ tensorHash }: CatalogueRow): ReadonlySet<CatalogueRow> =>
    tensorHash === null ? none : (twins.get(tensorHash) ?? none)

  function leave(row: CatalogueRow): void {
    const group = row.tensorHash === null ? undefined : twins.get(row.tensorHash)
    if (row.tensorHash === null || !group) return
    group.delete(row)
    if (group.size === 0) twins.delete(row.tensorHash)
    for (const twin of group) untold.add(twin)
  }

  function join(row: CatalogueRow): void {
    if (row.tensorHash === null) return
    const group = twins.get(row.tensorHash) ?? new Set()
    twins.set(row.tensorHash, group)
    for (const twin of group) untold.add(twin)
    group.add(row)
  }

  function refreshNear(): void {
    const found = new Set(findNear.all().map(({ seq }) => seq))
    for (const row of rows) if (found.has(row.seq) !== near.has(row.seq)) untold.add(row)
    near = found
    isNearKnown = true
  }

  function marksOf(row: CatalogueRow): LibraryMark[] {
    const alike = twinsOf(row)
    const has: Readonly<Record<LibraryMark, boolean>> = {
      favourite: row.favourite,
      // The later one of two with the same factors carries a remark, unless the earlier one is refused.
      warnings: row.warned || (alike.size > 1 && [...alike].some(({ seq, refused }) => seq < row.seq && !refused)),
      duplicate: alike.size > 1 || row.places > 1,
      'near-duplicate': near.has(row.seq),
    }
    return libraryMarks.filter((mark) => has[mark])
  }

  return {
    changed(before, after) {
      if (before) {
        rows.delete(before)
        untold.delete(before)
        leave(before)
      }
      if (after) {
        rows.add(after)
        untold.add(after)
        join(after)
      }
      // Which pairs count depends on which contents are there.
      if (before?.tensorHash !== after?.tensorHash || !before || !after) isNearKnown = false
    },
    pairsChanged() {
      isNearKnown = false
    },
    tell(put) {
      if (!isNearKnown) refreshNear()
      for (const row of untold) put(row, marksOf(row))
      untold.clear()
    },
  }
}

const none: ReadonlySet<CatalogueRow> = new Set()
