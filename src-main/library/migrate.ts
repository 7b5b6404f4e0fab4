import { existsSync } from 'node:fs'
import type Database from 'better-sqlite3'
import type { Migration } from './migrations/index.ts'

/** The tables' version as the file itself says it. */
export function libraryVersion(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

/**
 * Brings the tables of `db` to the newest of `migrations`, each step in a transaction of its own. A library that already holds tables is first
 * copied to `<file>.before-<version>` (with a time stamp when that exists). Returns the path of the copy, or null when none was needed.
 */
export function migrate(db: Database.Database, migrations: readonly Migration[], file: string, now: Date): string | null {
  const from = libraryVersion(db)
  const pending = migrations.filter((migration) => migration.version > from)
  if (pending.length === 0) return null
  const backup = from === 0 ? null : copyLibrary(db, `${file}.before-${pending[0]!.version}`, now)
  for (const migration of pending) {
    db.transaction(() => {
      db.exec(migration.sql)
      db.pragma(`user_version = ${migration.version}`)
    })()
  }
  return backup
}

/** A consistent copy of everything committed so far, at `wanted` or, where an older copy lies, beside it with a time stamp. */
function copyLibrary(db: Database.Database, wanted: string, now: Date): string {
  const target = existsSync(wanted) ? `${wanted}-${now.toISOString().replaceAll(/[:.]/g, '')}` : wanted
  db.prepare('VACUUM INTO ?').run(target)
  return target
}
