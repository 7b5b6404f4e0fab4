import { closeSync, existsSync, openSync, readSync } from 'node:fs'

/** Bytes read at once. */
const pieceBytes = 4 << 20
const lineFeed = 10

/** Reads a file of lines while the native core appends to it. */
export interface GrowingFile {
  /** The lines that became whole since the last look, each with its end; empty when there is none. */
  next(): string
}

/** A reader from the beginning of `file`, which need not be there yet. A last line that does not end stays for the next look. */
export function readGrowing(file: string): GrowingFile {
  let offset = 0
  return {
    next() {
      const bytes = bytesFrom(file, offset)
      const end = bytes.lastIndexOf(lineFeed) + 1
      offset += end
      return bytes.toString('utf8', 0, end)
    },
  }
}

/** What a file holds from an offset on; nothing where it is not there. */
export function bytesFrom(file: string, offset: number): Buffer {
  if (!existsSync(file)) return Buffer.alloc(0)
  const handle = openSync(file, 'r')
  try {
    const pieces: Buffer[] = []
    for (let position = offset; ;) {
      const piece = Buffer.alloc(pieceBytes)
      const count = readSync(handle, piece, 0, pieceBytes, position)
      if (count === 0) return Buffer.concat(pieces)
      pieces.push(piece.subarray(0, count))
      position += count
    }
  } finally {
    closeSync(handle)
  }
}
