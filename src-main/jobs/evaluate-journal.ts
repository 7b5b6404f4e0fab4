import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { readEvaluateLines, type EvaluateLine } from '../engine/evaluate-request.ts'

/** Reads a journal while the native core appends to it. */
export interface JournalReader {
  /** The lines that became whole since the last look. Throws an Error that names a line which is none of an evaluation's. */
  next(): readonly EvaluateLine[]
}

/** Bytes read at once. */
const pieceBytes = 4 << 20
const lineFeed = 10

/** A reader from the beginning of `file`, which need not be there yet. A last line that does not end stays for the next look. */
export function readJournal(file: string): JournalReader {
  let offset = 0
  return {
    next() {
      const bytes = bytesFrom(file, offset)
      const end = bytes.lastIndexOf(lineFeed) + 1
      offset += end
      return end === 0 ? [] : readEvaluateLines(bytes.toString('utf8', 0, end))
    },
  }
}

/**
 * The lines of a journal whose process ended in whatever way: those before the first that is not whole and sound. A machine that loses its power can
 * leave anything behind what had reached the disk.
 */
export function readAbandonedJournal(file: string): readonly EvaluateLine[] {
  const lines: EvaluateLine[] = []
  for (const text of bytesFrom(file, 0).toString('utf8').split('\n').slice(0, -1)) {
    const [line] = soundLines(text)
    if (line === undefined) return lines
    lines.push(line)
  }
  return lines
}

function soundLines(text: string): readonly EvaluateLine[] {
  try {
    return readEvaluateLines(`${text}\n`)
  } catch {
    return [] // not sound: the caller stops here
  }
}

function bytesFrom(file: string, offset: number): Buffer {
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
