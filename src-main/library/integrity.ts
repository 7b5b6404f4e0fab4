import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import type Database from 'better-sqlite3'
import type { Problem } from '../contract/problems.ts'
import { databaseProblem, libraryCorrupt } from './database-problems.ts'

/** First bytes of every SQLite file, and where its first page keeps user_version (big-endian). */
const magic = 'SQLite format 3\0'
const versionOffset = 60
/** The journal: its header, and the header of each frame before the page itself. */
const journalHeaderBytes = 32
const frameHeaderBytes = 24

/** What the first page of a database says, without opening it as a database. */
export type HeadOfFile = { readonly kind: 'none' } | { readonly kind: 'foreign' } | { readonly kind: 'tables'; readonly version: number }

/**
 * Looks at the database `file` by plain reading: nothing is changed or made, not even a journal. `none`: there is no file, or an empty one, which
 * SQLite makes into a database. What the journal beside it holds of the first page counts.
 */
export function headOfFile(file: string): HeadOfFile {
  if (!existsSync(file)) return { kind: 'none' }
  const head = Buffer.alloc(versionOffset + 4)
  const bytesRead = readAt(file, (read) => read(head, 0))
  if (bytesRead === 0) return { kind: 'none' }
  if (bytesRead < head.length || head.toString('latin1', 0, magic.length) !== magic) return { kind: 'foreign' }
  return { kind: 'tables', version: Math.max(head.readUInt32BE(versionOffset), versionInJournal(`${file}-wal`)) }
}

/** The highest user_version among the copies of the first page in a journal; 0 without one. */
function versionInJournal(journal: string): number {
  if (!existsSync(journal)) return 0
  return readAt(journal, (read, sizeBytes) => {
    const header = Buffer.alloc(journalHeaderBytes)
    if (read(header, 0) < header.length) return 0
    const pageBytes = header.readUInt32BE(8)
    // A size that no page has: this is no journal, and SQLite will take none of it.
    if (pageBytes < 512 || pageBytes > 65536) return 0
    const salts = header.subarray(16, 24)
    const frame = Buffer.alloc(frameHeaderBytes + versionOffset + 4)
    let version = 0
    for (let at = journalHeaderBytes; at + frameHeaderBytes + pageBytes <= sizeBytes; at += frameHeaderBytes + pageBytes) {
      if (read(frame, at) < frame.length) break
      // Frames with other salts are left from before the journal was begun anew.
      if (!frame.subarray(8, 16).equals(salts)) break
      if (frame.readUInt32BE(0) === 1) version = Math.max(version, frame.readUInt32BE(frameHeaderBytes + versionOffset))
    }
    return version
  })
}

function readAt<T>(file: string, use: (read: (buffer: Buffer, position: number) => number, sizeBytes: number) => T): T {
  const handle = openSync(file, 'r')
  try {
    return use((buffer, position) => readSync(handle, buffer, 0, buffer.length, position), fstatSync(handle).size)
  } finally {
    closeSync(handle)
  }
}

/**
 * library-corrupt when the pages of `db` do not fit together, null when they do. Reads every page: 0.12 s for 20,000 adapters (190 MB). Wrong
 * values inside an intact page are not noticed; nothing in the file would tell.
 */
export function soundnessProblem(db: Database.Database, file: string): Problem | null {
  try {
    const said = String(db.pragma('quick_check(1)', { simple: true }))
    return said === 'ok' ? null : libraryCorrupt(file, said.replaceAll(/\s*\n\s*/g, ' '))
  } catch (error) {
    const problem = databaseProblem(error, file)
    if (!problem) throw error
    return problem
  }
}
