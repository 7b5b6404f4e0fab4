import { errorProblem, type Problem } from '../contract/problems.ts'

/** What the system's error codes mean for a person who wants to write a folder. */
const meanings: Readonly<Record<string, { readonly code: 'disk-full' | 'write-failed'; readonly reason: string; readonly hint: string }>> =
  {
    ENOSPC: { code: 'disk-full', reason: 'the disk is full', hint: 'Free some space, or choose another output folder.' },
    EDQUOT: { code: 'disk-full', reason: 'your quota on this disk is used up', hint: 'Free some space, or choose another output folder.' },
    EACCES: { code: 'write-failed', reason: 'you may not write there', hint: 'Choose a folder that you may write to.' },
    EPERM: { code: 'write-failed', reason: 'the system does not allow it', hint: 'Choose a folder that you may write to.' },
    EROFS: { code: 'write-failed', reason: 'the disk is read-only', hint: 'Choose a folder on another disk.' },
    ENOTDIR: { code: 'write-failed', reason: 'a part of the path is a file', hint: 'Choose another output folder.' },
    EEXIST: { code: 'write-failed', reason: 'a part of the path is a file', hint: 'Choose another output folder.' },
    ENOENT: { code: 'write-failed', reason: 'the folder is gone', hint: 'Choose another output folder.' },
    ENAMETOOLONG: { code: 'write-failed', reason: 'the path is too long', hint: 'Choose a shorter name or folder.' },
    EIO: { code: 'write-failed', reason: 'the disk reports an error', hint: 'Check the disk, or choose a folder on another one.' },
  }

/** The problem of a file system error while writing `path`; undefined for errors that are not the file system's. */
export function writeProblem(error: unknown, path: string): Problem | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  const meaning = code === undefined ? undefined : meanings[code]
  if (!meaning) return undefined
  return errorProblem(meaning.code, `${path} cannot be written: ${meaning.reason}.`, { where: { path }, hint: meaning.hint })
}

/** The target is there already; it is never overwritten. */
export function outputExists(path: string): Problem {
  return errorProblem('output-exists', `The output folder ${path} exists, and nothing is ever overwritten.`, {
    where: { path },
    hint: 'Choose another folder, or move this one away.',
  })
}

/** Not enough room for what will be written. */
export function tooLittleSpace(path: string, neededBytes: number, freeBytes: number): Problem {
  return errorProblem('disk-full', `The result needs ${megabytes(neededBytes)}, but only ${megabytes(freeBytes)} are free.`, {
    where: { path },
    hint: 'Free some space, choose another output folder, or write bfloat16 instead of float32.',
  })
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`
}
