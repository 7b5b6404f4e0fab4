import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'

/** Replaces `file` by `text` so that a crash leaves either the old or the new contents: temporary file beside it, fsync, rename. */
export async function writeFileWhole(file: string, text: string): Promise<void> {
  // Processes of several machines may write to one shared folder, and their ids may be equal.
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'w')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
