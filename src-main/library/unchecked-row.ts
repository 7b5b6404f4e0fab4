import type Database from 'better-sqlite3'
import type { AdapterVariant, ScreenResults } from '../contract/adapter.ts'
import type { Problem } from '../contract/problems.ts'
import { unpackModules } from './pack-modules.ts'
import type { BeforeValues } from './judge-values.ts'
import type { Stamp } from './read-file.ts'

/** What the checks need of a row that waits for them. */
export interface UncheckedRow extends Omit<BeforeValues, 'weightsPath'> {
  readonly seq: number
  readonly id: string
  readonly name: string
  readonly folder: string
  readonly stamp: Stamp
  readonly config: string
}

interface Stored {
  readonly seq: number
  readonly id: string
  readonly name: string
  readonly variant: string
  readonly problems: string
  readonly screens: string
  readonly modules: string
  readonly config: string
  readonly folder: string
  readonly stamp: string
}

/** Rows whose checks are pending. */
export interface UncheckedRows {
  /** The row if it still waits for its checks, null otherwise (done, removed). */
  get(seq: number): UncheckedRow | null
  /** Every waiting row, oldest first. */
  all(): readonly number[]
}

/** The waiting rows of `db`. */
export function createUncheckedRows(db: Database.Database): UncheckedRows {
  const get = db.prepare<[number], Stored>(
    `SELECT a.seq, a.id, a.name, a.variant, a.problems, a.screens, m.modules, m.config, p.path AS folder, p.stamp
     FROM adapters a JOIN adapter_modules m ON m.adapter_seq = a.seq JOIN adapter_paths p ON p.adapter_seq = a.seq
     WHERE a.seq = ? AND a.status = 'checking' ORDER BY p.present DESC LIMIT 1`,
  )
  const all = db.prepare<[], { seq: number }>("SELECT seq FROM adapters WHERE status = 'checking' ORDER BY seq")
  return {
    get(seq) {
      const row = get.get(seq)
      if (!row) return null
      return {
        ...row,
        variant: row.variant as AdapterVariant,
        problems: JSON.parse(row.problems) as Problem[],
        screens: JSON.parse(row.screens) as ScreenResults,
        modules: unpackModules(row.modules, null),
      }
    },
    all: () => all.all().map((row) => row.seq),
  }
}
