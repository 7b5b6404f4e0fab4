import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { libraryVersion, migrate } from './migrate.ts'
import type { Migration } from './migrations/index.ts'

/** How long a statement waits for another process that holds the library, in milliseconds. */
const busyTimeoutMs = 5000
/**
 * Pages of journal after which a commit writes them back itself. Writing back waits for the disk, so that imports have it done by another thread
 * (write-back.ts) and this is for whoever writes that much without importing.
 */
const journalPages = 8192
/** First bytes of every SQLite file, and where its header keeps user_version (big-endian). */
const magic = 'SQLite format 3\0'
const versionOffset = 60

/**
 * Opens the database `file` (made when missing) with its tables at the newest of `migrations`; `backup` is the copy made before migrating.
 * Throws Refusal: library-newer when a newer version wrote it (the file is then not even opened by SQLite), library-unreadable for anything else
 * that keeps it from being opened.
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
    refuseNewer(file, versionInFile(file), newest)
    db = new Database(file, { timeout: busyTimeoutMs })
    // What is not yet written back from the journal counts too.
    refuseNewer(file, libraryVersion(db), newest)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('temp_store = MEMORY')
    db.pragma(`wal_autocheckpoint = ${journalPages}`)
    return { db, backup: migrate(db, migrations, file, now) }
  } catch (error) {
    db?.close()
    if (error instanceof Refusal) throw error
    throw new Refusal([unreadable(file, error)])
  }
}

function versionInFile(file: string): number {
  if (!existsSync(file)) return 0
  const head = Buffer.alloc(versionOffset + 4)
  const handle = openSync(file, 'r')
  try {
    const bytesRead = readSync(handle, head, 0, head.length, 0)
    // SQLite makes an empty file into a database, so an empty one is a new library.
    if (bytesRead === 0) return 0
    if (bytesRead < head.length || head.toString('latin1', 0, magic.length) !== magic) throw new Error('it is not an SQLite file')
    return head.readUInt32BE(versionOffset)
  } finally {
    closeSync(handle)
  }
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

function unreadable(file: string, error: unknown): ReturnType<typeof errorProblem> {
  const reason = error instanceof Error ? error.message : String(error)
  return errorProblem('library-unreadable', `The library ${file} cannot be opened: ${reason}.`, {
    where: { path: file },
    hint: 'Check the rights of the folder, or put back a copy of the file (copies made before migrating lie beside it as library.sqlite.before-N).',
  })
}
