import type Database from 'better-sqlite3'
import type { Stamp } from './read-file.ts'

/** Hashes of one weights file: of all its bytes, and of its factors (CONTRACT.md, "Identity"). Lower-case hexadecimal SHA-256. */
export interface FileHashes {
  readonly weightsSha256: string
  readonly tensorHash: string
}

/** Hashes of files already read; they hold as long as size, time of change and inode do. */
export interface HashCache {
  get(path: string, stamp: Stamp): FileHashes | null
  put(path: string, stamp: Stamp, hashes: FileHashes): void
}

/** The cache in `db`. It outlives the adapters, so that one that comes back is not read twice. */
export function createHashCache(db: Database.Database): HashCache {
  const get = db.prepare<[string, string], FileHashes>(
    'SELECT weights_sha256 AS weightsSha256, tensor_hash AS tensorHash FROM file_hashes WHERE path = ? AND stamp = ?',
  )
  const put = db.prepare('INSERT OR REPLACE INTO file_hashes (path, stamp, weights_sha256, tensor_hash) VALUES (?, ?, ?, ?)')
  return {
    get: (path, stamp) => get.get(path, stamp) ?? null,
    put: (path, stamp, { weightsSha256, tensorHash }) => void put.run(path, stamp, weightsSha256, tensorHash),
  }
}
