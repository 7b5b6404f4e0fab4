import { createHash, type Hash } from 'node:crypto'
import type { Problem } from '../contract/problems.ts'
import type { FileHashes } from './hash-cache.ts'
import type { HeaderTensor } from './parse-header.ts'
import { fileChanged, readFully, withFile, type OpenFile, type Stamp } from './read-file.ts'
import { readOpenHeader } from './read-header.ts'
import { parseTensorName } from './tensor-name.ts'

const chunkBytes = 1 << 20

/** Identity of an adapter: SHA-256 over the SHA-256 of its weights file (hexadecimal) and the canonical JSON of its config. */
export function contentHashOf(weightsSha256: string, canonicalConfig: string): string {
  return createHash('sha256').update(weightsSha256).update(canonicalConfig).digest('hex')
}

/**
 * Hashes a weights file whose stamp must still be `stamp`; one pass when its factors lie in the order of their names, as they mostly do.
 * Null when `stopped` says so in between. Problems carry the path.
 */
export function hashFile(path: string, stamp: Stamp, stopped: () => boolean): FileHashes | Problem | null {
  const hashes = withFile(path, (file) => (file.stamp === stamp ? hashOpenFile(file, stopped) : fileChanged()))
  return hashes !== null && 'code' in hashes ? { ...hashes, where: { ...hashes.where, path } } : hashes
}

function hashOpenFile(file: OpenFile, stopped: () => boolean): FileHashes | Problem | null {
  const header = readOpenHeader(file)
  if ('code' in header) return header
  const factors = header.tensors.filter(isFactor).toSorted((left, right) => (left.name < right.name ? -1 : 1))
  const inOrder = factors.every((tensor, index) => index === 0 || factors[index - 1]!.end <= tensor.begin)
  const whole = createHash('sha256')
  const passing = inOrder ? new PassingFactors(factors, header.dataBegin) : null
  const isWhole = readChunks(file, 0, file.sizeBytes, stopped, (chunk, position) => {
    whole.update(chunk)
    passing?.pass(chunk, position)
  })
  if (isWhole !== true) return isWhole
  const tensorHash = passing ? passing.digest() : hashOneByOne(file, factors, header.dataBegin, stopped)
  if (tensorHash === null || typeof tensorHash !== 'string') return tensorHash
  return { weightsSha256: whole.digest('hex'), tensorHash }
}

/** What stands before a factor's bytes in the tensor hash. */
function headOf(factor: HeaderTensor): string {
  return `${factor.name}\0${factor.dtype}\0${factor.shape.join(',')}\0`
}

/** The tensor hash of factors that lie in any order. */
function hashOneByOne(
  file: OpenFile,
  factors: readonly HeaderTensor[],
  dataBegin: number,
  stopped: () => boolean,
): string | Problem | null {
  const hash = createHash('sha256')
  for (const factor of factors) {
    hash.update(headOf(factor))
    const isRead = readChunks(file, dataBegin + factor.begin, dataBegin + factor.end, stopped, (chunk) => hash.update(chunk))
    if (isRead !== true) return isRead
  }
  return hash.digest('hex')
}

/** Gives the bytes from `begin` to `end` in chunks. True when all were there, null when stopped, a problem when the file became shorter. */
function readChunks(
  file: OpenFile,
  begin: number,
  end: number,
  stopped: () => boolean,
  use: (chunk: Uint8Array, position: number) => void,
): true | null | Problem {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, end - begin)))
  for (let position = begin; position < end; position += buffer.length) {
    if (stopped()) return null
    const wanted = Math.min(buffer.length, end - position)
    if (readFully(file.handle, buffer, wanted, position) < wanted) return fileChanged()
    use(buffer.subarray(0, wanted), position)
  }
  return true
}

/** The tensor hash while the file passes by in chunks; for factors that lie in the order of their names. */
class PassingFactors {
  private readonly hash: Hash = createHash('sha256')
  private readonly factors: readonly HeaderTensor[]
  private readonly dataBegin: number
  private next = 0
  /** Position in the file up to which the factor `next` is hashed; null before its head is written. */
  private reached: number | null = null

  constructor(factors: readonly HeaderTensor[], dataBegin: number) {
    this.factors = factors
    this.dataBegin = dataBegin
  }

  pass(chunk: Uint8Array, position: number): void {
    const chunkEnd = position + chunk.length
    for (let factor = this.factors[this.next]; factor !== undefined; factor = this.factors[this.next]) {
      const begin = this.dataBegin + factor.begin
      const end = this.dataBegin + factor.end
      if (begin >= chunkEnd) return
      if (this.reached === null) {
        this.hash.update(headOf(factor))
        this.reached = begin
      }
      const until = Math.min(end, chunkEnd)
      this.hash.update(chunk.subarray(this.reached - position, until - position))
      this.reached = until
      if (until < end) return
      this.next += 1
      this.reached = null
    }
  }

  digest(): string {
    return this.hash.digest('hex')
  }
}

function isFactor(tensor: HeaderTensor): boolean {
  const part = parseTensorName(tensor.name)?.part
  return part === 'A' || part === 'B'
}
