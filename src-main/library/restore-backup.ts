import { constants, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { errorProblem, Refusal } from '../contract/problems.ts'
import { asideName, keepBackups, listBackups, syncPath, type Backup } from './backups.ts'
import { soundnessProblem } from './integrity.ts'

/** SQLite's companions of a database; they belong to one file and must never meet another. */
const companions = ['-wal', '-shm'] as const

/**
 * Puts the backup `path` (one of listBackups) in the place of the database `file`, which nobody may have open. What lay there is kept beside it
 * under another name, which is returned (null when there was nothing). A crash in between leaves either database, or none and the backups.
 * Throws Refusal: backup-unknown, library-corrupt (the backup itself is damaged; nothing was changed then).
 */
export function restoreBackup(file: string, path: string, now: Date): string | null {
  const backups = listBackups(file)
  if (!backups.some((backup) => backup.path === path)) throw new Refusal([unknownBackup(path, backups)])
  const copy = `${file}.restoring`
  try {
    copyFileSync(path, copy, constants.COPYFILE_FICLONE)
    const problem = damageOf(copy)
    if (problem) throw new Refusal([problem])
    syncPath(copy)
    const aside = putAside(file, now)
    renameSync(copy, file)
    syncPath(dirname(file))
    return aside
  } finally {
    rmSync(copy, { force: true })
  }
}

/** Puts the database `file` and its companions aside, so that the next one to open it begins with an empty library. Backups are kept for good. */
export function startEmpty(file: string, now: Date): string | null {
  // First: a library that is missing while it has backups counts as lost, not as new.
  keepBackups(file)
  return putAside(file, now)
}

/** The companions go first: a database without its journal is what it was at some time, a journal without its database is nothing. */
function putAside(file: string, now: Date): string | null {
  const aside = asideName(file, now)
  for (const ending of companions) if (existsSync(`${file}${ending}`)) renameSync(`${file}${ending}`, `${aside}${ending}`)
  if (!existsSync(file)) return null
  renameSync(file, aside)
  syncPath(dirname(file))
  return aside
}

function damageOf(path: string): ReturnType<typeof soundnessProblem> {
  const db = new Database(path, { readonly: true })
  try {
    return soundnessProblem(db, path)
  } finally {
    db.close()
  }
}

function unknownBackup(path: string, backups: readonly Backup[]): ReturnType<typeof errorProblem> {
  return errorProblem('backup-unknown', `${path} is no backup of this library that can be read.`, {
    where: { path },
    allowed: backups.map((backup) => backup.path),
    hint: 'Choose one of the listed backups.',
  })
}
