import type Database from 'better-sqlite3'
import { makeBackup } from './backups.ts'
import type { Migration } from './migrations/index.ts'

/** The tables' version as the file itself says it. */
export function libraryVersion(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

/**
 * Brings the tables of `db` to the newest of `migrations`, each step in a transaction of its own. A library that already holds tables is first
 * backed up. Returns the path of the backup, or null when none was needed.
 */
export function migrate(db: Database.Database, migrations: readonly Migration[], file: string, now: Date): string | null {
  const from = libraryVersion(db)
  const pending = migrations.filter((migration) => migration.version > from)
  if (pending.length === 0) return null
  const backup = from === 0 ? null : makeBackup(db, file, now)
  for (const migration of pending) {
    db.transaction(() => {
      // Another process that opens the library at the same time may have been quicker.
      if (libraryVersion(db) >= migration.version) return
      db.exec(migration.sql)
      db.pragma(`user_version = ${migration.version}`)
    }).immediate()
  }
  return backup
}
