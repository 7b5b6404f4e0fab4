import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { AdapterVariant } from '../contract/adapter.ts'
import type { ImportItem, ImportReport } from '../contract/import-report.ts'

/** How many imports are kept. */
const keptImports = 20

/** The reports of imports; they outlive the process, so that the last one can be opened again. */
export interface ImportStore {
  /** A new import without items; older ones beyond the kept number are forgotten. */
  begin(startedAt: string): { readonly seq: number; readonly id: string }
  /** Writes item number `position`, new or again. */
  put(seq: number, position: number, item: ImportItem): void
  finish(seq: number, finishedAt: string): void
  items(seq: number): ImportItem[]
  /** The report with this id, or the last one. */
  report(id?: string): ImportReport | null
  /** Imports that an earlier process did not finish. */
  unfinished(): readonly { readonly seq: number; readonly id: string }[]
}

interface ItemRow {
  readonly path: string
  readonly id: string | null
  readonly status: ImportItem['status']
  readonly variant: string
  readonly problems: string
}
interface Count {
  readonly name: string
  readonly count: number
}
interface ImportRow {
  readonly seq: number
  readonly id: string
  readonly startedAt: string
  readonly finishedAt: string | null
}

/** The imports in `db`. */
export function createImportStore(db: Database.Database): ImportStore {
  const columns = 'SELECT seq, id, started_at AS startedAt, finished_at AS finishedAt FROM imports'
  const insert = db.prepare('INSERT INTO imports (id, started_at) VALUES (?, ?)')
  const prune = db.prepare('DELETE FROM imports WHERE seq <= (SELECT max(seq) FROM imports) - ?')
  const put = db.prepare(
    'INSERT OR REPLACE INTO import_items (import_seq, position, path, adapter_id, status, variant, problems) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const finish = db.prepare('UPDATE imports SET finished_at = ? WHERE seq = ?')
  const items = db.prepare<[number], ItemRow>(
    'SELECT path, adapter_id AS id, status, variant, problems FROM import_items WHERE import_seq = ? ORDER BY position',
  )
  const byId = db.prepare<[string], ImportRow>(`${columns} WHERE id = ?`)
  const last = db.prepare<[], ImportRow>(`${columns} ORDER BY seq DESC LIMIT 1`)
  const unfinished = db.prepare<[], ImportRow>(`${columns} WHERE finished_at IS NULL ORDER BY seq`)
  const itemsOf = (seq: number): ImportItem[] =>
    items.all(seq).map((row) => ({
      ...row,
      variant: row.variant as AdapterVariant,
      problems: JSON.parse(row.problems) as ImportItem['problems'],
    }))
  const byStatus = db.prepare<[number], Count>(
    'SELECT status AS name, count(*) AS count FROM import_items WHERE import_seq = ? GROUP BY status',
  )
  // Problems stand worst first, so that the first one is why an adapter was refused.
  const byReason = db.prepare<[number], Count>(
    `SELECT json_extract(problems, '$[0].code') AS name, count(*) AS count FROM import_items WHERE import_seq = ? AND status = 'refused' GROUP BY 1`,
  )
  const byScreen = db.prepare<[number], Count>(
    `SELECT s.key AS name, count(*) AS count FROM import_items i JOIN adapters a ON a.id = i.adapter_id, json_each(a.screens) s
     WHERE i.import_seq = ? AND i.status = 'imported' AND s.type = 'false' GROUP BY s.key`,
  )
  const recordOf = (counts: readonly Count[]): Record<string, number> => Object.fromEntries(counts.map(({ name, count }) => [name, count]))
  const countsOf = (seq: number): ImportReport['counts'] => ({
    ...{ imported: 0, duplicate: 0, refused: 0, pending: 0 },
    ...recordOf(byStatus.all(seq)),
    byReason: recordOf(byReason.all(seq)),
    byScreen: recordOf(byScreen.all(seq)),
  })
  return {
    begin(startedAt) {
      const id = randomUUID()
      const seq = Number(insert.run(id, startedAt).lastInsertRowid)
      prune.run(keptImports)
      return { seq, id }
    },
    put: (seq, position, item) => void put.run(seq, position, item.path, item.id, item.status, item.variant, JSON.stringify(item.problems)),
    finish: (seq, finishedAt) => void finish.run(finishedAt, seq),
    items: itemsOf,
    report(id) {
      const row = id === undefined ? last.get() : byId.get(id)
      if (!row) return null
      return { id: row.id, startedAt: row.startedAt, finishedAt: row.finishedAt, counts: countsOf(row.seq), items: itemsOf(row.seq) }
    },
    unfinished: () => unfinished.all(),
  }
}
