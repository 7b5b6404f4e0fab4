import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { errorProblem, Refusal, type ProblemCode } from '../contract/problems.ts'

/** What to say of a text file that cannot be used. */
export interface TextLimits {
  /** Largest size, in bytes. */
  readonly maxBytes: number
  /** Code of a file that cannot be opened or is no plain file. */
  readonly code: ProblemCode
}

/**
 * The text of a UTF-8 file, without a byte order mark. null where there is no such file.
 * Throws Refusal: `limits.code` when it cannot be read or is not UTF-8, file-too-large.
 */
export function readText(path: string, limits: TextLimits): string | null {
  let handle: number
  try {
    handle = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw refusal(path, limits.code, reasonOf(error))
  }
  try {
    const stats = fstatSync(handle)
    if (!stats.isFile()) throw refusal(path, limits.code, 'it is not a plain file')
    if (stats.size > limits.maxBytes) throw new Refusal([fileTooLarge(path, stats.size, limits.maxBytes)])
    return decode(path, limits, readFileSync(handle))
  } finally {
    closeSync(handle)
  }
}

/** The problem of a file beyond a size limit, both in bytes. */
export function fileTooLarge(path: string, sizeBytes: number, maxBytes: number) {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
  return errorProblem('file-too-large', `The file has ${megabytes(sizeBytes)}; at most ${megabytes(maxBytes)} are read.`, {
    where: { path, value: String(sizeBytes) },
    hint: 'Take a part of it: a few thousand examples are enough for a task.',
  })
}

/** The reason of a file system error in words. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 'reading it is not permitted'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'ENOENT') return 'it does not exist'
  return code === undefined ? String(error) : `the system says ${code}`
}

function decode(path: string, limits: TextLimits, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw refusal(path, limits.code, 'it is not UTF-8 text', 'Save it as UTF-8.')
  }
}

function refusal(
  path: string,
  code: ProblemCode,
  reason: string,
  hint = 'Check that the file is there and that you may read it.',
): Refusal {
  return new Refusal([errorProblem(code, `The file cannot be read: ${reason}.`, { where: { path }, hint })])
}
