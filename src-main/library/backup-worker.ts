import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { makeBackup } from './backups.ts'

/** Backs up the database `workerData.file` and answers with the path of the copy, or null when there is no adapter in it. Errors end the thread. */
const { file, at } = workerData as { readonly file: string; readonly at: string }
const db = new Database(file, { readonly: true, fileMustExist: true })
try {
  const isEmpty = db.prepare('SELECT 1 FROM adapters LIMIT 1').get() === undefined
  parentPort?.postMessage(isEmpty ? null : makeBackup(db, file, new Date(at)))
} finally {
  db.close()
}
