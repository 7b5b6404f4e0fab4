import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { makeBackup } from './backups.ts'

/** Backs up the database `workerData.file` and answers with the path of the copy. What goes wrong ends the thread with that error. */
const { file, at } = workerData as { readonly file: string; readonly at: string }
const db = new Database(file, { readonly: true, fileMustExist: true })
try {
  parentPort?.postMessage(makeBackup(db, file, new Date(at)))
} finally {
  db.close()
}
