import type Database from 'better-sqlite3'

/** A missing adapter, by what its files must be to be its own. */
export interface MissingAdapter {
  readonly seq: number
  readonly id: string
  readonly name: string
  readonly contentHash: string
  readonly sizeBytes: number
  /** Canonical JSON of its config. */
  readonly config: string
  /** Its modules as the tables keep them: the same for the same header. */
  readonly modules: string
}

/** The missing adapters whose content is known. */
export type MissingAdapters = () => readonly MissingAdapter[]

/** The missing adapters of `db`. */
export function createMissingAdapters(db: Database.Database): MissingAdapters {
  const missing = db.prepare<[], MissingAdapter>(
    `SELECT a.seq, a.id, a.name, a.content_hash AS contentHash, a.size_bytes AS sizeBytes, m.config, m.modules
     FROM adapters a JOIN adapter_modules m ON m.adapter_seq = a.seq
     WHERE a.status = 'missing' AND a.content_hash IS NOT NULL AND m.config IS NOT NULL ORDER BY a.seq`,
  )
  return () => missing.all()
}
