import { lstatSync } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Refusal, type Problem } from '../contract/problems.ts'
import { outputExists, tooLittleSpace, writeProblem } from './file-problems.ts'

/** A folder in the making: written under `temporary`, and moved to `target` when it is whole. */
export interface OutputFolder {
  readonly temporary: string
  readonly target: string
  /** Writes everything to the disk and moves the folder to its place; refuses when something stands there by now. */
  publish(): Promise<void>
  /** Removes what is in the making, also after publishing. */
  discard(): Promise<void>
}

/** The folder in which `target` is made: beside it, so that moving it is one rename. */
function temporaryFolder(target: string, jobId: string): string {
  return join(dirname(target), `.${basename(target)}.${jobId.slice(0, 8)}.partial`)
}

/** Removes what a process left that ended while it made `target` for the job. */
export async function removeTemporary(target: string, jobId: string): Promise<void> {
  await rm(temporaryFolder(target, jobId), { recursive: true, force: true })
}

/** Makes the temporary folder for `target` after checking that the target is free and that `neededBytes` fit. Refusals: output-exists, disk-full, write-failed. */
export async function makeOutputFolder(target: string, jobId: string, neededBytes: number): Promise<OutputFolder> {
  const temporary = temporaryFolder(target, jobId)
  const parent = dirname(target)
  let published = false
  await orRefuse(target, async () => {
    if (await exists(target)) throw new Refusal([outputExists(target)])
    await mkdir(parent, { recursive: true })
    const { bavail, bsize } = await statfs(parent)
    if (bavail * bsize < neededBytes) throw new Refusal([tooLittleSpace(parent, neededBytes, bavail * bsize)])
    await mkdir(temporary)
  })
  return {
    temporary,
    target,
    async publish() {
      await orRefuse(target, async () => {
        for (const name of await readdir(temporary)) await sync(join(temporary, name))
        await sync(temporary)
        // Renaming would replace an empty folder without a word.
        if (await exists(target)) throw new Refusal([outputExists(target)])
        await rename(temporary, target)
        published = true
        await sync(parent)
      })
    },
    async discard() {
      await rm(published ? target : temporary, { recursive: true, force: true })
    },
  }
}

/** Writes a small text file of the output; file system errors become refusals. */
export async function writeOutputFile(path: string, text: string): Promise<void> {
  await orRefuse(path, () => writeFile(path, text, { flag: 'wx' }))
}

/** `folder/name`, or the first of `name-2`, `name-3`... that is free. Throws a Refusal when nothing can be made in `folder`. */
export function freeFolder(folder: string, name: string): string {
  for (let number = 1; ; number++) {
    const candidate = join(folder, number === 1 ? name : `${name}-${number}`)
    const problem = targetProblem(candidate)
    if (!problem) return candidate
    if (problem.code !== 'output-exists') throw new Refusal([problem])
  }
}

/** True when anything at all stands at `path`, a broken link included. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** What keeps `target` from becoming a new folder, as far as it can be seen now; null when nothing does. */
export function targetProblem(target: string): Problem | null {
  try {
    return isThere(target) ? outputExists(target) : null
  } catch (error) {
    const problem = writeProblem(error, target)
    if (problem) return problem
    throw error
  }
}

/** A name as a folder's name on every system: letters, digits, dot, dash and underscore; never empty, hidden or longer than 80 characters. */
export function folderName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80)
    .replace(/[-.]+$/, '')
  // Windows keeps these names for devices.
  return plain === '' || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain) ? `merged-${plain || 'adapter'}` : plain
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function sync(path: string): Promise<void> {
  // Windows opens no folders; its file system journals renames by itself.
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (process.platform === 'win32' && (error.code === 'EISDIR' || error.code === 'EPERM')) return null
    throw error
  })
  try {
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}

async function orRefuse(path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    const problem = error instanceof Refusal ? undefined : writeProblem(error, path)
    throw problem ? new Refusal([problem]) : error
  }
}
