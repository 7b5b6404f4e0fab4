import Database from 'better-sqlite3'

/**
 * Writes the journal of the database `file` back into it as far as nobody reads it; for a thread that may wait for the disk. The connection that
 * writes goes on meanwhile.
 */
export function writeBack(file: string): void {
  const db = new Database(file, { fileMustExist: true })
  try {
    db.pragma('wal_checkpoint(PASSIVE)')
  } finally {
    db.close()
  }
}
