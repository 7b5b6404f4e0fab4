import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs'
import { errorProblem, type Problem } from '../contract/problems.ts'

/** Size, time of change and inode of a file as one text: two equal stamps of one path mean the same bytes (as far as a file system can tell). */
export type Stamp = string

export function stampOf(stats: BigIntStats): Stamp {
  return `${stats.size}:${stats.mtimeNs}:${stats.ino}`
}

/** An open file; `use` reads from it by position. */
export interface OpenFile {
  readonly handle: number
  readonly sizeBytes: number
  readonly stamp: Stamp
}

/** Opening a named pipe must not wait for somebody who writes into it; for plain files the flag means nothing. */
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** Opens `path` for reading, calls `use`, closes it. Answers with a file-unreadable problem when it cannot be opened or read or is no plain file. */
export function withFile<T>(path: string, use: (file: OpenFile) => T): T | Problem {
  let handle: number | undefined
  try {
    handle = openSync(path, readOnly)
    const stats = fstatSync(handle, { bigint: true })
    if (!stats.isFile()) return unreadable(path, 'it is not a plain file')
    return use({ handle, sizeBytes: Number(stats.size), stamp: stampOf(stats) })
  } catch (error) {
    if (!isSystemError(error)) throw error
    return unreadable(path, reasonOf(error))
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

/** Reads exactly `length` bytes from `position` into `buffer`; a file that ends before that returns a smaller count. */
export function readFully(handle: number, buffer: Uint8Array, length: number, position: number): number {
  let filled = 0
  while (filled < length) {
    const count = readSync(handle, buffer, filled, length - filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return filled
}

/** True for errors of the operating system (they carry a code such as ENOENT). */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && typeof (error as NodeJS.ErrnoException).code === 'string'
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'reading it is not permitted',
  EPERM: 'reading it is not permitted',
  ELOOP: 'its links run in a circle',
  ENAMETOOLONG: 'its name is too long for the file system',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  EIO: 'the disk reported an error',
  EMFILE: 'too many files are open',
}

/** The reason of a system error in plain words. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  return reasons[error.code ?? ''] ?? `the system says ${error.code ?? error.message}`
}

function unreadable(path: string, reason: string): Problem {
  return errorProblem('file-unreadable', `The file cannot be read: ${reason}.`, {
    where: { path },
    hint: 'Check that the file is there and that you may read it, then import it again.',
  })
}

/** The problem of a file that was written to while it was read; places are added by who knows them. */
export function fileChanged(): Problem {
  return errorProblem('file-changed', 'The file changed while it was read.', {
    hint: 'Import it again when nothing writes to it any more.',
  })
}
