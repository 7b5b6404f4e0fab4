import { open, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { errorProblem, Refusal, shownValue, type Problem } from '../contract/problems.ts'
import {
  centralHeaderBytes,
  centralSignature,
  endBytes,
  endSignature,
  localHeaderBytes,
  localSignature,
  methods,
  zipLimits,
  type ZipEntry,
} from './bundle-zip.ts'

const inflate = promisify(inflateRaw)

/** What is read at most; a file that says or turns out to be more is refused. */
export interface ZipReadLimits {
  readonly fileBytes: number
  readonly entries: number
  /** Of one entry, unpacked. */
  readonly entryBytes: number
  /** Of all entries, unpacked. */
  readonly totalBytes: number
}

/** An open zip file whose directory was checked. */
export interface ZipFile {
  readonly names: readonly string[]
  /** Unpacks one entry: never more than its directory says, and only when its CRC-32 is right. Throws Refusals. */
  read(name: string): Promise<Buffer>
}

/**
 * Opens the zip file at `path`, which may come from anywhere, and does `work` with it. Names must match `allowedName`, so that none can lead elsewhere;
 * nothing is unpacked to disk. Throws Refusals: file-too-large, bundle-not-readable, bundle-damaged.
 */
export async function withZip<T>(
  path: string,
  { allowedName, limits }: { readonly allowedName: RegExp; readonly limits: ZipReadLimits },
  work: (zip: ZipFile) => Promise<T>,
): Promise<T> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > limits.fileBytes) throw refusal('file-too-large', path, `The file has ${size} bytes.`, [`at most ${limits.fileBytes} bytes`])
    const entries = await readDirectory(file, size, path, limits)
    const byName = new Map<string, ZipEntry>()
    for (const entry of entries) {
      if (!allowedName.test(entry.name)) throw notOurs(path, `a file called ${shownValue(entry.name)} in it`)
      if (byName.has(entry.name)) throw damaged(path, `it holds ${entry.name} twice`)
      if (entry.sizeBytes > limits.entryBytes) throw tooLarge(path, entry.name, limits.entryBytes)
      // Deflate makes nothing much longer than it is.
      if (entry.packedBytes > 2 * entry.sizeBytes + 1024) throw damaged(path, `${entry.name} unpacks to less than it says`)
      byName.set(entry.name, entry)
    }
    const totalBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    if (totalBytes > limits.totalBytes) throw tooLarge(path, 'All of it', limits.totalBytes)
    return await work({
      names: [...byName.keys()],
      read(name) {
        const entry = byName.get(name)
        if (!entry) throw damaged(path, `${name} is missing`)
        return readEntry(file, size, path, entry)
      },
    })
  } finally {
    await file.close()
  }
}

async function readDirectory(file: FileHandle, size: number, path: string, limits: ZipReadLimits): Promise<readonly ZipEntry[]> {
  // A comment of at most 65,535 bytes may follow the end record.
  const tail = await readAt(file, Math.max(0, size - endBytes - 0xffff), Math.min(size, endBytes + 0xffff), path)
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (at === -1 || tail.length - at < endBytes || tail.readUInt32LE(at) !== endSignature) throw notOurs(path, 'no directory of a zip file')
  const count = tail.readUInt16LE(at + 10)
  const bytes = tail.readUInt32LE(at + 12)
  const offset = tail.readUInt32LE(at + 16)
  const isOnePart = tail.readUInt16LE(at + 4) === 0 && tail.readUInt16LE(at + 6) === 0 && tail.readUInt16LE(at + 8) === count
  if (!isOnePart || count > zipLimits.entries || offset > zipLimits.bytes) throw notOurs(path, 'a zip file of another kind')
  if (count > limits.entries) throw refusal('file-too-large', path, `It holds ${count} files.`, [`at most ${limits.entries} files`])
  if (offset + bytes > size) throw damaged(path, 'its directory lies outside the file')
  return entriesOf(await readAt(file, offset, bytes, path), count, offset, path)
}

function entriesOf(directory: Buffer, count: number, end: number, path: string): readonly ZipEntry[] {
  const entries: ZipEntry[] = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (at + centralHeaderBytes > directory.length || directory.readUInt32LE(at) !== centralSignature)
      throw damaged(path, 'its directory is broken')
    const isEncrypted = (directory.readUInt16LE(at + 8) & 1) !== 0
    const method = directory.readUInt16LE(at + 10)
    const nameBytes = directory.readUInt16LE(at + 28)
    const next = at + centralHeaderBytes + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    if (next > directory.length) throw damaged(path, 'its directory is broken')
    if (isEncrypted || (method !== methods.stored && method !== methods.deflated)) throw notOurs(path, 'a file packed in another way')
    const entry = {
      name: directory.toString('utf8', at + centralHeaderBytes, at + centralHeaderBytes + nameBytes),
      method,
      crc: directory.readUInt32LE(at + 16),
      packedBytes: directory.readUInt32LE(at + 20),
      sizeBytes: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    }
    if (entry.offset + localHeaderBytes + entry.packedBytes > end) throw damaged(path, 'a part of it lies outside the file')
    entries.push(entry)
    at = next
  }
  return entries
}

async function readEntry(file: FileHandle, size: number, path: string, entry: ZipEntry): Promise<Buffer> {
  const { name, method, sizeBytes, packedBytes } = entry
  const header = await readAt(file, entry.offset, localHeaderBytes, path)
  if (header.readUInt32LE(0) !== localSignature) throw damaged(path, `${name} is not where the directory says`)
  const start = entry.offset + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + packedBytes > size) throw damaged(path, `${name} is cut off`)
  const packed = await readAt(file, start, packedBytes, path)
  const data = method === methods.stored ? packed : await unpack(packed, sizeBytes, path, name)
  if (data.length !== sizeBytes || crc32(data) !== entry.crc) throw damaged(path, `${name} does not unpack to what was packed`)
  return data
}

/** At most `sizeBytes` are unpacked: a bomb ends there. */
async function unpack(packed: Buffer, sizeBytes: number, path: string, name: string): Promise<Buffer> {
  try {
    return await inflate(packed, { maxOutputLength: Math.max(1, sizeBytes) })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'ERR_BUFFER_TOO_LARGE') throw damaged(path, `${name} unpacks to more than it says`)
    if (code.startsWith('Z_')) throw damaged(path, `${name} cannot be unpacked`)
    throw error
  }
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) throw damaged(path, 'it is cut off')
    done += bytesRead
  }
  return buffer
}

function tooLarge(path: string, what: string, limit: number): Refusal {
  return refusal('file-too-large', path, `${what} is too large when it is unpacked.`, [`at most ${limit} bytes`])
}

/** It is no bundle at all. */
export function notOurs(path: string, found: string): Refusal {
  return refusal('bundle-not-readable', path, `This is not a plan with its results: ${found}.`)
}

/** It was a bundle, and is not whole any more. */
export function damaged(path: string, found: string): Refusal {
  return refusal('bundle-damaged', path, `The file is damaged: ${found}.`)
}

const hints: Partial<Record<Problem['code'], string>> = {
  'bundle-not-readable': 'Choose a zip file that was written by "Export with results" in the section Runs.',
  'bundle-damaged': 'Copy it again from where it was exported, or export it again. Nothing was imported.',
}

function refusal(code: Problem['code'], path: string, message: string, allowed?: readonly string[]): Refusal {
  const hint = hints[code]
  return new Refusal([errorProblem(code, message, { where: { path }, ...(allowed && { allowed }), ...(hint !== undefined && { hint }) })])
}
