/**
 * The layout of a zip file, as far as bundles use it (PKWARE APPNOTE 4.3): entries that are stored or deflated, no encryption, one part, no Zip64.
 * Deflate and CRC-32 are those of node:zlib.
 */

export const localSignature = 0x04034b50
export const centralSignature = 0x02014b50
export const endSignature = 0x06054b50
export const localHeaderBytes = 30
export const centralHeaderBytes = 46
export const endBytes = 22
/** Names are UTF-8. */
export const utf8Flag = 0x0800
export const methods = { stored: 0, deflated: 8 } as const

/** What a zip file without Zip64 can hold. */
export const zipLimits = { entries: 0xfffe, bytes: 0xfffffffe }

/** One file in a zip file, as its central directory lists it. */
export interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly crc: number
  readonly packedBytes: number
  readonly sizeBytes: number
  /** Where its local header lies. */
  readonly offset: number
}

/** Fields that local and central header share, from "version needed" to the length of the extra field. */
export function sharedFields({ name, method, crc, packedBytes, sizeBytes }: ZipEntry, writtenAt: Date): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(utf8Flag, 2)
  fields.writeUInt16LE(method, 4)
  fields.writeUInt16LE((writtenAt.getUTCHours() << 11) | (writtenAt.getUTCMinutes() << 5) | (writtenAt.getUTCSeconds() >> 1), 6)
  fields.writeUInt16LE(((writtenAt.getUTCFullYear() - 1980) << 9) | ((writtenAt.getUTCMonth() + 1) << 5) | writtenAt.getUTCDate(), 8)
  fields.writeUInt32LE(crc, 10)
  fields.writeUInt32LE(packedBytes, 14)
  fields.writeUInt32LE(sizeBytes, 18)
  fields.writeUInt16LE(Buffer.byteLength(name), 22)
  return fields
}
