import { readFile } from 'node:fs/promises'

/** Lines that a job's detail shows. */
export const shownLogLines = 500

/** The last lines of a job's log, oldest first; empty when it has none. */
export async function readJobLog(path: string): Promise<string[]> {
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.slice(-shownLogLines)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
