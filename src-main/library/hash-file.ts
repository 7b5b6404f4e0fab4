import { createHash } from 'node:crypto'
import type { Problem } from '../contract/problems.ts'
import type { FileHashes } from './hash-cache.ts'
import type { HeaderTensor } from './parse-header.ts'
import { fileChanged, readFully, withFile, type OpenFile, type Stamp } from './read-file.ts'
import { readOpenHeader } from './read-header.ts'
import { parseTensorName } from './tensor-name.ts'
import type { WorkerPool } from './worker-pool.ts'

const chunkBytes = 1 << 20

/** Identity of an adapter: SHA-256 over the SHA-256 of its weights file (hexadecimal) and the canonical JSON of its config. */
export function contentHashOf(weightsSha256: string, canonicalConfig: string): string {
  return createHash('sha256').update(weightsSha256).update(canonicalConfig).digest('hex')
}

/** What is hashed of a weights file: all its bytes, or its factors (CONTRACT.md, "Identity"). */
export type HashedPart = 'whole' | 'factors'

/**
 * Hashes a part of a weights file whose stamp must still be `stamp`. Null when `stopped` says so in between. Problems carry the path. The two
 * parts are two tasks, because SHA-256 of one of them is all that a core manages while the file comes in.
 */
export function hashFile(path: string, stamp: Stamp, part: HashedPart, stopped: () => boolean): string | Problem | null {
  const hash = withFile(path, (file) => {
    if (file.stamp !== stamp) return fileChanged()
    return part === 'whole' ? hashWhole(file, stopped) : hashFactors(file, stopped)
  })
  return hash !== null && typeof hash !== 'string' ? { ...hash, where: { ...hash.where, path } } : hash
}

/** Both hashes of a weights file, taken at the same time by two threads. */
export async function hashWeights(
  pool: WorkerPool,
  file: { readonly path: string; readonly stamp: Stamp },
  options: { readonly signal?: AbortSignal } = {},
): Promise<FileHashes | Problem | null> {
  const [tensorHash, weightsSha256] = await Promise.all([
    pool.run('hash', { ...file, part: 'factors' }, options),
    pool.run('hash', { ...file, part: 'whole' }, options),
  ])
  // Reading the factors looks at the header, and says best what is wrong with a file.
  for (const hash of [tensorHash, weightsSha256]) if (hash === null || typeof hash !== 'string') return hash
  return { weightsSha256: weightsSha256 as string, tensorHash: tensorHash as string }
}

function hashWhole(file: OpenFile, stopped: () => boolean): string | Problem | null {
  const hash = createHash('sha256')
  const isWhole = readChunks(file, 0, file.sizeBytes, newBuffer(), stopped, (chunk) => hash.update(chunk))
  return isWhole === true ? hash.digest('hex') : isWhole
}

function hashFactors(file: OpenFile, stopped: () => boolean): string | Problem | null {
  const header = readOpenHeader(file)
  if ('code' in header) return header
  const hash = createHash('sha256')
  const buffer = newBuffer()
  for (const factor of header.tensors.filter(isFactor).toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    hash.update(headOf(factor))
    const { begin, end } = factor
    const isRead = readChunks(file, header.dataBegin + begin, header.dataBegin + end, buffer, stopped, (chunk) => hash.update(chunk))
    if (isRead !== true) return isRead
  }
  return hash.digest('hex')
}

/** What stands before a factor's bytes in the tensor hash. */
function headOf(factor: HeaderTensor): string {
  return `${factor.name}\0${factor.dtype}\0${factor.shape.join(',')}\0`
}

/** Gives the bytes from `begin` to `end` in chunks. True when all were there, null when stopped, a problem when the file became shorter. */
function readChunks(
  file: OpenFile,
  begin: number,
  end: number,
  buffer: Buffer,
  stopped: () => boolean,
  use: (chunk: Uint8Array) => void,
): true | null | Problem {
  for (let position = begin; position < end; position += buffer.length) {
    if (stopped()) return null
    const wanted = Math.min(buffer.length, end - position)
    if (readFully(file.handle, buffer, wanted, position) < wanted) return fileChanged()
    use(buffer.subarray(0, wanted))
  }
  return true
}

function newBuffer(): Buffer {
  return Buffer.allocUnsafe(chunkBytes)
}

function isFactor(tensor: HeaderTensor): boolean {
  const part = parseTensorName(tensor.name)?.part
  return part === 'A' || part === 'B'
}
