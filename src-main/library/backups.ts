import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'

/** A copy of the library that can be put back. */
export interface Backup {
  readonly path: string
  /** When it was made, ISO 8601. */
  readonly at: string
  /** Adapters in it. */
  readonly adapters: number
}

/** How many backups are kept; older ones go. */
const keptBackups = 5
/** Age at which the newest backup is followed by another one, in milliseconds. */
const backupIntervalMs = 24 * 3600 * 1000

/** Of backups that are out of the rotation. */
const keptPrefix = 'kept-'
const isKept = (name: string): boolean => name.startsWith(keptPrefix)
const backupName = /^(?:kept-)?library-(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.sqlite$/

/** Where the backups of the database `file` lie. */
export function backupFolder(file: string): string {
  return join(dirname(file), 'backups')
}

/** The backups of the database `file`, newest first. Those that cannot be read are left out. */
export function listBackups(file: string): readonly Backup[] {
  return namesIn(file).flatMap(({ name, at }) => {
    const path = join(backupFolder(file), name)
    const adapters = countAdapters(path)
    return adapters === null ? [] : [{ path, at, adapters }]
  })
}

/** True when there are backups of the present library `file` (not only of one that was put aside), readable or not. */
export function hasBackups(file: string): boolean {
  return namesIn(file).some(({ name }) => !isKept(name))
}

/** True when the newest backup is a day old, or none is there. */
export function isBackupDue(file: string, now: Date): boolean {
  const newest = namesIn(file)[0]
  return newest === undefined || now.getTime() - Date.parse(newest.at) >= backupIntervalMs
}

/**
 * Copies everything committed so far into the folder of backups, whole or not at all, and drops the oldest ones beyond the kept number. Returns
 * the path. Throws SqliteError (a damaged database, a full disk) and system errors; no backup is dropped then.
 */
export function makeBackup(db: Database.Database, file: string, now: Date): string {
  const folder = backupFolder(file)
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (isLeftover(name)) rmSync(join(folder, name), { force: true })
  const path = join(folder, `library-${now.toISOString().replaceAll(/[:.]/g, '')}.sqlite`)
  const partial = `${path}.${process.pid}.partial`
  try {
    db.prepare('VACUUM INTO ?').run(partial)
    syncPath(partial)
    renameSync(partial, path)
    syncPath(folder)
  } finally {
    rmSync(partial, { force: true })
  }
  const own = namesIn(file).filter(({ name }) => !isKept(name))
  for (const { name } of own.slice(keptBackups)) rmSync(join(folder, name), { force: true })
  return path
}

/** Takes the present backups out of the rotation: the library that follows has nothing to do with them. */
export function keepBackups(file: string): void {
  const folder = backupFolder(file)
  for (const { name } of namesIn(file)) if (!isKept(name)) renameSync(join(folder, name), join(folder, `${keptPrefix}${name}`))
}

/** Forces a file or folder to the disk. Windows opens no folders; its file system journals renames by itself. */
export function syncPath(path: string): void {
  if (process.platform === 'win32' && statSync(path).isDirectory()) return
  const handle = openSync(path, process.platform === 'win32' ? 'r+' : 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function namesIn(file: string): readonly { readonly name: string; readonly at: string }[] {
  const folder = backupFolder(file)
  if (!existsSync(folder)) return []
  const found = readdirSync(folder).flatMap((name) => {
    const [, day, hour, minute, second, millisecond] = backupName.exec(name) ?? []
    return day === undefined ? [] : [{ name, at: `${day}T${hour}:${minute}:${second}.${millisecond}Z` }]
  })
  return found.sort((left, right) => (left.at < right.at ? 1 : -1))
}

/** True for a copy that a process began and did not end; one that still runs is left alone. */
function isLeftover(name: string): boolean {
  const pid = Number(/\.(\d+)\.partial(?:-journal)?$/.exec(name)?.[1] ?? NaN)
  if (Number.isNaN(pid) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Adapters in a backup; null when it is no library that can be read. */
function countAdapters(path: string): number | null {
  let db: Database.Database | undefined
  try {
    db = new Database(path, { readonly: true, fileMustExist: true })
    return db.prepare<[], { count: number }>('SELECT count(*) AS count FROM adapters').get()?.count ?? null
  } catch (error) {
    if (error instanceof Database.SqliteError) return null
    throw error
  } finally {
    db?.close()
  }
}

/** The name of a file beside `file` under which it is put aside. */
export function asideName(file: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[:.]/g, '')
  for (let number = 1; ; number++) {
    const path = join(dirname(file), `${basename(file)}.damaged-${stamp}${number === 1 ? '' : `-${number}`}`)
    if (!existsSync(path)) return path
  }
}
