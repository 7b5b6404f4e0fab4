import { open, rm, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, deflateRaw } from 'node:zlib'
import { errorProblem, Refusal } from '../contract/problems.ts'
import {
  centralHeaderBytes,
  centralSignature,
  endBytes,
  endSignature,
  localHeaderBytes,
  localSignature,
  methods,
  sharedFields,
  zipLimits,
  type ZipEntry,
} from './bundle-zip.ts'

const deflate = promisify(deflateRaw)

/** A zip file that is being written. */
export interface ZipWriter {
  add(name: string, data: Buffer): Promise<void>
}

/**
 * Writes a new zip file: what `fill` adds, one entry after the other. A file that is there is never replaced (Refusal output-exists); one that could not be
 * finished is removed. Throws a Refusal (file-too-large) when it becomes larger than a zip file can be.
 */
export async function writeZip(path: string, writtenAt: Date, fill: (zip: ZipWriter) => Promise<void>): Promise<void> {
  const file = await openNew(path)
  try {
    const entries: ZipEntry[] = []
    let offset = 0
    const append = async (parts: readonly Buffer[]): Promise<void> => {
      const whole = Buffer.concat(parts)
      if (offset + whole.length > zipLimits.bytes) throw new Refusal([tooLarge(path)])
      // At the place after what was written before, all of it.
      await file.writeFile(whole)
      offset += whole.length
    }
    await fill({
      async add(name, data) {
        if (entries.length >= zipLimits.entries) throw new Refusal([tooLarge(path)])
        const packed = await deflate(data)
        const entry = { name, method: methods.deflated, crc: crc32(data), packedBytes: packed.length, sizeBytes: data.length, offset }
        await append([localHeader(entry, writtenAt), Buffer.from(name), packed])
        entries.push(entry)
      },
    })
    const directory = Buffer.concat(entries.flatMap((entry) => [centralHeader(entry, writtenAt), Buffer.from(entry.name)]))
    const end = endRecord(entries.length, directory.length, offset)
    await append([directory, end])
    await file.sync()
    await file.close()
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(path, { force: true })
    throw error
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Refusal([
      errorProblem('output-exists', `There is already a file ${path}.`, { where: { path }, hint: 'Choose another name, or remove it.' }),
    ])
  }
}

function localHeader(entry: ZipEntry, writtenAt: Date): Buffer {
  const header = Buffer.alloc(localHeaderBytes)
  header.writeUInt32LE(localSignature, 0)
  sharedFields(entry, writtenAt).copy(header, 4)
  return header
}

function centralHeader(entry: ZipEntry, writtenAt: Date): Buffer {
  const header = Buffer.alloc(centralHeaderBytes)
  header.writeUInt32LE(centralSignature, 0)
  header.writeUInt16LE(20, 4)
  sharedFields(entry, writtenAt).copy(header, 6)
  header.writeUInt32LE(entry.offset, 42)
  return header
}

function endRecord(entries: number, directoryBytes: number, directoryOffset: number): Buffer {
  const end = Buffer.alloc(endBytes)
  end.writeUInt32LE(endSignature, 0)
  end.writeUInt16LE(entries, 8)
  end.writeUInt16LE(entries, 10)
  end.writeUInt32LE(directoryBytes, 12)
  end.writeUInt32LE(directoryOffset, 16)
  return end
}

function tooLarge(path: string) {
  return errorProblem('file-too-large', 'The plan has more results than one file can hold.', {
    where: { path },
    allowed: [`${zipLimits.entries} files`, `${zipLimits.bytes} bytes`],
    hint: 'Divide the plan into several, by task.',
  })
}
