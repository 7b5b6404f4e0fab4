import { errorProblem, type Problem } from '../contract/problems.ts'
import { databaseProblem } from '../library/database-problems.ts'
import { writeProblem } from './file-problems.ts'

/** Calls of the system that change something. */
const writingCalls = new Set([
  ...['write', 'writev', 'pwrite', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'mkdir', 'mkdtemp', 'rmdir', 'rm', 'unlink', 'copyfile'],
  ...['close', 'chmod', 'fchmod', 'futime', 'utime', 'link', 'symlink', 'statfs'],
])

/**
 * The problem of something thrown that is no Refusal but can still be explained: an error of the library's database, or of the file system in a
 * place that expects none. Undefined for a defect of the app.
 */
export function failureProblem(error: unknown): Problem | undefined {
  return databaseProblem(error) ?? systemProblem(error)
}

function systemProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall, path } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return undefined
  const place = path ?? 'A file'
  const writing = writingCalls.has(syscall) || ['ENOSPC', 'EDQUOT', 'EROFS'].includes(code)
  const problem = writing ? writeProblem(error, place) : undefined
  if (problem) return problem
  return errorProblem(
    writing ? 'write-failed' : 'file-unreadable',
    `${place} cannot be ${writing ? 'written' : 'read'}: ${error.message}.`,
    {
      ...(path !== undefined && { where: { path } }),
      hint: 'Check the disk and your rights there, then do it again.',
    },
  )
}
