import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { hasBackups } from './backups.ts'
import { databaseProblem, libraryCorrupt, libraryUnreadable } from './database-problems.ts'
import { headOfFile, soundnessProblem } from './integrity.ts'
import { libraryVersion, migrate } from './migrate.ts'
import type { Migration } from './migrations/index.ts'

/** How long a statement waits for another process that holds the library, in milliseconds. */
const busyTimeoutMs = 5000
/**
 * Pages of journal after which a commit writes them back itself. Writing back waits for the disk, so that imports have it done by another thread
 * (write-back.ts) and this is for whoever writes that much without importing.
 */
const journalPages = 8192

/**
 * Opens the database `file` (made when missing) with its tables at the newest of `migrations`; `backup` is the copy made before migrating.
 * Throws Refusal: library-newer when a newer version wrote it (the file is then not even opened by SQLite), library-corrupt when it is damaged or
 * lost, library-not-written and library-busy when it could not be made ready, library-unreadable for anything else that keeps it from being opened.
 */
export function openDatabase(
  file: string,
  migrations: readonly Migration[],
  now: Date,
): { readonly db: Database.Database; readonly backup: string | null } {
  const newest = migrations.at(-1)?.version ?? 0
  let db: Database.Database | undefined
  try {
    mkdirSync(dirname(file), { recursive: true })
    const holdsTables = refuseAtSight(file, newest)
    db = new Database(file, { timeout: busyTimeoutMs })
    refuseNewer(file, libraryVersion(db), newest)
    const damage = holdsTables ? soundnessProblem(db, file) : null
    if (damage) throw new Refusal([damage])
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('temp_store = MEMORY')
    db.pragma(`wal_autocheckpoint = ${journalPages}`)
    return { db, backup: migrate(db, migrations, file, now) }
  } catch (error) {
    db?.close()
    if (error instanceof Refusal) throw error
    throw new Refusal([databaseProblem(error, file) ?? libraryUnreadable(file, error)])
  }
}

/** Looks at the file before SQLite does, which would change it. Returns true when it holds tables. */
function refuseAtSight(file: string, newest: number): boolean {
  const head = headOfFile(file)
  if (head.kind === 'tables') refuseNewer(file, head.version, newest)
  if (head.kind === 'foreign') throw new Refusal([libraryCorrupt(file, 'it is not an SQLite file')])
  // Its first start leaves an empty file when it is cut short; a library that was backed up has had contents.
  if (head.kind === 'none' && hasBackups(file)) throw new Refusal([libraryCorrupt(file, 'it is missing or empty, though it has backups')])
  return head.kind === 'tables'
}

function refuseNewer(file: string, version: number, newest: number): void {
  if (version <= newest) return
  throw new Refusal([
    errorProblem(
      'library-newer',
      `The library was written by a newer Amalgam (its tables have version ${version}, this one knows ${newest}).`,
      {
        where: { path: file, value: String(version) },
        hint: 'Open it with the newer Amalgam, or choose another library folder. Nothing in it was changed.',
      },
    ),
  ])
}
