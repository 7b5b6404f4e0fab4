import { Worker } from 'node:worker_threads'
import type { Log } from '../platform/log.ts'
import { workerFile } from '../platform/worker-file.ts'
import { isBackupDue } from './backups.ts'

/**
 * Backs up the database `file` on a thread of its own when its newest backup is a day old and it holds adapters. Resolves when that is done; a
 * backup that fails is a warning in the log, for the library works without it.
 */
export async function backUpWhenDue(file: string, now: Date, log: Log): Promise<void> {
  try {
    if (!isBackupDue(file, now)) return
    const path = await backUp(file, now)
    if (path !== null) log.info('the library was backed up', { path })
  } catch (error) {
    log.warn('the library could not be backed up', { file, error: String(error) })
  }
}

function backUp(file: string, now: Date): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerFile('library/backup-worker'), { workerData: { file, at: now.toISOString() } })
    worker.once('message', (path: string | null) => resolve(path))
    worker.once('error', reject)
    // After a message this changes nothing any more.
    worker.once('exit', (code) => reject(new Error(`the thread ended with ${code}`)))
  })
}
