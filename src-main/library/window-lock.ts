import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { databaseProblem, libraryUnreadable } from './database-problems.ts'

/** Name of the file in the library's folder that an open window holds. */
const lockFile = 'window.lock'

/**
 * Takes the library in `folder` for one window; the command line needs no such lock. The lock is one of SQLite's on a file of its own: the system
 * frees it when the process ends, however that happens. Returns the way to let go. Throws Refusal: library-in-use, library-unreadable.
 */
export function takeWindowLock(folder: string): () => void {
  const file = join(folder, lockFile)
  let db: Database.Database | undefined
  try {
    mkdirSync(folder, { recursive: true })
    db = new Database(file, { timeout: 0 })
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db?.close()
    const isHeld = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
    throw new Refusal([isHeld ? inUse(folder) : (databaseProblem(error, file) ?? libraryUnreadable(file, error))])
  }
  const held = db
  return () => void held.close()
}

function inUse(folder: string): ReturnType<typeof errorProblem> {
  return errorProblem('library-in-use', 'This library is already open in another Amalgam window.', {
    where: { path: folder },
    hint: 'Use that window, close it first, or choose another library folder. The command line works beside an open window.',
  })
}
