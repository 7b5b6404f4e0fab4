import Database from 'better-sqlite3'
import { errorProblem, type Problem } from '../contract/problems.ts'

/** The library's database is damaged; `reason` says how that was noticed. */
export function libraryCorrupt(file: string | undefined, reason: string): Problem {
  return errorProblem('library-corrupt', `The library is damaged: ${reason}.`, {
    ...(file !== undefined && { where: { path: file } }),
    hint: 'Start Amalgam again to put back a backup, or run "amalgam restore-backup". The damaged file is kept, and adapters are never touched.',
  })
}

const full = 'Free some space on the disk of the library, then do it again. What was in the library before is unharmed.'
const refused = 'Check the disk and your rights in the folder of the library, then do it again. What was in the library before is unharmed.'

/** The problem of an error of SQLite; undefined for errors that only a defect of the app explains. `file` is the database, where it is known. */
export function databaseProblem(error: unknown, file?: string): Problem | undefined {
  if (!(error instanceof Database.SqliteError)) return undefined
  const where = file === undefined ? {} : { where: { path: file } }
  const { code, message } = error
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return libraryCorrupt(file, message)
  if (code === 'SQLITE_FULL')
    return errorProblem('library-not-written', 'The library could not be written: the disk is full.', { ...where, hint: full })
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return errorProblem('library-busy', 'Another Amalgam process holds the library for longer than can be waited for.', {
      ...where,
      hint: 'Wait until its import or merge has ended, then do it again.',
    })
  if (code.startsWith('SQLITE_IOERR_READ') || code === 'SQLITE_IOERR_SHORT_READ' || code.startsWith('SQLITE_CANTOPEN'))
    return errorProblem('library-unreadable', `The library could not be read: ${message} (${code}).`, { ...where, hint: refused })
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM')
    return errorProblem('library-not-written', `The library could not be written: ${message} (${code}).`, { ...where, hint: refused })
  return undefined
}

/** The library's database cannot be opened, for a reason that is no damage. */
export function libraryUnreadable(file: string, error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error)
  return errorProblem('library-unreadable', `The library ${file} cannot be opened: ${reason}.`, {
    where: { path: file },
    hint: 'Check the rights of the folder and the space on its disk, or choose another library folder.',
  })
}
