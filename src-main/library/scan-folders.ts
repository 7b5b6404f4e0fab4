import { readdirSync, realpathSync, statSync, type Dirent } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { configName, folderUnreadable, pickleNames, weightsName } from './read-adapter.ts'
import { isSystemError, reasonOf } from './read-file.ts'

/** What a scan comes upon: a folder with an adapter (its real path), or a path where there is nothing to list and why. */
export type ScanEvent =
  { readonly kind: 'found'; readonly folder: string } | { readonly kind: 'refused'; readonly path: string; readonly problem: Problem }

/** Files by which a folder is known to hold an adapter. */
const adapterFiles = new Set([weightsName, configName, ...pickleNames])
/** Folders that are never looked into; those with a leading dot are left out too (unfinished outputs, version control), but for caches. */
const skippedFolders = new Set(['node_modules', '__pycache__', 'blobs', 'refs'])
const maxDepth = 64

/** False for the names of files in the making, of version control and of caches that hold no adapter under its own name. */
export function isLookedInto(name: string): boolean {
  return !skippedFolders.has(name) && (!name.startsWith('.') || name === '.cache')
}

/**
 * Looks for adapters in `paths` (folders, looked through with all their subfolders, or files of an adapter) and tells what it finds, in the
 * order of names. Folders are told apart by their real paths, so that links that run in circles end. Stops when `stopped` says so.
 */
export function scanFolders(paths: readonly string[], tell: (event: ScanEvent) => void, stopped: () => boolean): void {
  const visited = new Map<string, boolean>()
  for (const path of paths) {
    if (stopped()) return
    const start = startOf(resolve(path))
    if (typeof start !== 'string') {
      tell({ kind: 'refused', path, problem: start })
      continue
    }
    if (visited.has(start)) continue
    const walk: Walk = { tell, stopped, visited, folders: 0 }
    if (!visit(start, 0, walk) && !stopped()) tell({ kind: 'refused', path, problem: nothingFound(path, walk.folders) })
  }
}

interface Walk {
  readonly tell: (event: ScanEvent) => void
  readonly stopped: () => boolean
  /** Real paths seen so far, and whether something in them was told. */
  readonly visited: Map<string, boolean>
  folders: number
}

/** The real folder to look through for a path that a person named, or why there is none. */
function startOf(path: string): string | Problem {
  // Node takes this for a mistake of the program, not of the path.
  if (path.includes('\0')) return folderUnreadable(path, 'no path holds a zero character')
  try {
    const real = realpathSync(path)
    if (statSync(real).isDirectory()) return real
    // A link's own name counts: the hub's cache keeps files under names that say nothing.
    if (adapterFiles.has(basename(path))) return realpathSync(dirname(path))
    return errorProblem('no-adapter-found', `${basename(path)} is no file of an adapter.`, {
      where: { path },
      allowed: [weightsName, configName],
      hint: `Drop the adapter's folder, or a file called ${weightsName} or ${configName} in it.`,
    })
  } catch (error) {
    if (!isSystemError(error)) throw error
    return folderUnreadable(path, reasonOf(error))
  }
}

/** Looks through one folder; true when something in it was told, now or before. */
function visit(folder: string, depth: number, walk: Walk): boolean {
  const seen = walk.visited.get(folder)
  if (seen !== undefined) return seen
  if (walk.stopped()) return false
  walk.visited.set(folder, false)
  const entries = listFolder(folder)
  if ('code' in entries) {
    walk.tell({ kind: 'refused', path: folder, problem: entries })
    walk.visited.set(folder, true)
    return true
  }
  walk.folders += 1
  let told = entries.some((entry) => adapterFiles.has(entry.name))
  if (told) walk.tell({ kind: 'found', folder })
  for (const entry of depth < maxDepth ? entries : []) {
    const child = childFolder(folder, entry)
    if (child !== null && visit(child, depth + 1, walk)) told = true
  }
  walk.visited.set(folder, told)
  return told
}

function listFolder(folder: string): readonly Dirent[] | Problem {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((left, right) => (left.name < right.name ? -1 : 1))
  } catch (error) {
    if (!isSystemError(error)) throw error
    return folderUnreadable(folder, reasonOf(error))
  }
}

/** The real path of an entry that is a folder to look into, null for everything else. */
function childFolder(parent: string, entry: Dirent): string | null {
  if (!isLookedInto(entry.name)) return null
  const path = join(parent, entry.name)
  if (entry.isDirectory()) return path
  if (!entry.isSymbolicLink()) return null
  try {
    const real = realpathSync(path)
    return statSync(real).isDirectory() ? real : null
  } catch (error) {
    if (!isSystemError(error)) throw error
    // A link that leads nowhere holds no adapter.
    return null
  }
}

function nothingFound(path: string, folders: number): Problem {
  const where = folders === 1 ? 'in this folder' : `in this folder and the ${folders - 1} below it`
  return errorProblem('no-adapter-found', `There is no adapter ${where}.`, {
    where: { path },
    hint: `An adapter is a folder with ${configName} and ${weightsName}, as PEFT saves it.`,
  })
}
