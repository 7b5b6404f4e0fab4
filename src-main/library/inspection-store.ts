import type Database from 'better-sqlite3'
import type { AdapterModule } from '../contract/adapter.ts'
import type { AdapterInspection } from '../contract/inspection.ts'
import { detectorIn, unpackInspection, type PackedInspection } from './pack-inspection.ts'
import { unpackModules } from './pack-modules.ts'
import type { Stamp } from './read-file.ts'

/** A checked adapter without spectra: it was checked before the library kept them. */
export interface UninspectedRow {
  readonly seq: number
  readonly id: string
  readonly folder: string
  readonly stamp: Stamp
  readonly modules: readonly AdapterModule[]
}

/** Spectra and detector figures of the adapters. */
export interface InspectionStore {
  /** Null for an unknown id; what is not computed yet is null or empty. */
  get(id: string): AdapterInspection | null
  /** In the order of `ids`, unknown ones left out; without the modules' rows when `modules` is false. */
  many(ids: readonly string[], modules: boolean): AdapterInspection[]
  /** Checked adapters whose spectra are still to be computed, oldest first. */
  uninspected(): readonly number[]
  /** One of them, null when it has its spectra now, or is gone or missing. */
  row(seq: number): UninspectedRow | null
  put(seq: number, inspection: PackedInspection): void
}

interface Stored {
  readonly id: string
  readonly name: string
  readonly contentHash: string | null
  readonly effectiveRank: number | null
  readonly modules: string
  readonly norms: string | null
  readonly inspection: string | null
}

interface StoredRow extends Omit<UninspectedRow, 'modules'> {
  readonly modules: string
  readonly norms: string | null
}

/** Stacked experts have none, and what is refused or missing cannot be read. */
const wanted = "a.status = 'ok' AND a.variant <> 'experts' AND m.inspection IS NULL"

/** The inspections of `db`. */
export function createInspectionStore(db: Database.Database): InspectionStore {
  const byId = db.prepare<[string], Stored>(
    `SELECT a.id, a.name, a.content_hash AS contentHash, a.effective_rank AS effectiveRank, m.modules, m.norms, m.inspection
     FROM adapters a JOIN adapter_modules m ON m.adapter_seq = a.seq WHERE a.id = ?`,
  )
  const uninspected = db.prepare<[], { seq: number }>(
    `SELECT a.seq FROM adapters a JOIN adapter_modules m ON m.adapter_seq = a.seq WHERE ${wanted} ORDER BY a.seq`,
  )
  const row = db.prepare<[number], StoredRow>(
    `SELECT a.seq, a.id, m.modules, m.norms, p.path AS folder, p.stamp
     FROM adapters a JOIN adapter_modules m ON m.adapter_seq = a.seq JOIN adapter_paths p ON p.adapter_seq = a.seq
     WHERE a.seq = ? AND ${wanted} AND p.present = 1 ORDER BY p.rowid LIMIT 1`,
  )
  const putText = db.prepare('UPDATE adapter_modules SET inspection = ? WHERE adapter_seq = ?')
  const putRank = db.prepare('UPDATE adapters SET effective_rank = ? WHERE seq = ?')

  function inspectionOf(stored: Stored, withModules: boolean): AdapterInspection {
    const { id, name, contentHash, effectiveRank, inspection } = stored
    const known = { id, name, contentHash, effectiveRank }
    if (inspection === null) return { ...known, modules: [], detector: null }
    if (!withModules) return { ...known, modules: [], detector: detectorIn(inspection) }
    return { ...known, ...unpackInspection(inspection, modulesOf(stored)) }
  }

  return {
    get(id) {
      const stored = byId.get(id)
      return stored ? inspectionOf(stored, true) : null
    },
    many: (ids, modules) =>
      ids.flatMap((id) => {
        const stored = byId.get(id)
        return stored ? [inspectionOf(stored, modules)] : []
      }),
    uninspected: () => uninspected.all().map(({ seq }) => seq),
    row(seq) {
      const stored = row.get(seq)
      if (!stored) return null
      const { id, folder, stamp } = stored
      return { seq, id, folder, stamp, modules: modulesOf(stored) }
    },
    put: (seq, inspection) =>
      db
        .transaction(() => {
          putText.run(inspection.text, seq)
          putRank.run(inspection.effectiveRank, seq)
        })
        .immediate(),
  }
}

function modulesOf({ modules, norms }: { readonly modules: string; readonly norms: string | null }): AdapterModule[] {
  return unpackModules(modules, norms === null ? null : (JSON.parse(norms) as (number | null)[]))
}
