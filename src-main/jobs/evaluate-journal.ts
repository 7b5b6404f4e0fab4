import { readEvaluateLines, type EvaluateLine } from '../engine/evaluate-request.ts'
import { bytesFrom, readGrowing } from './growing-file.ts'

/** Reads a journal while the native core appends to it. */
export interface JournalReader {
  /** The lines that became whole since the last look. Throws an Error that names a line which is none of an evaluation's. */
  next(): readonly EvaluateLine[]
}

/** A reader from the beginning of `file`, which need not be there yet. A last line that does not end stays for the next look. */
export function readJournal(file: string): JournalReader {
  const growing = readGrowing(file)
  return { next: () => readEvaluateLines(growing.next()) }
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
