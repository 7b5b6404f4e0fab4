import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { FSWatcher } from 'chokidar'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import type { Importer } from './importer.ts'
import { configName, weightsName } from './read-adapter.ts'
import { isSystemError, reasonOf, type Stamp } from './read-file.ts'
import { isLookedInto } from './scan-folders.ts'

/** Watches folders for adapters that appear in them or change. What it sees is a hint: the import looks for itself. */
export interface FolderWatcher {
  /** Watches these folders and no others from now on; what is new in them already comes in too. */
  watch(folders: readonly string[]): Promise<void>
  /** Folders being watched, and what hinders it. */
  state(): { readonly folders: readonly string[]; readonly problems: readonly Problem[] }
  close(): Promise<void>
}

export interface FolderWatcherOptions {
  readonly importer: Pick<Importer, 'start' | 'changedPlaces' | 'findPlaces'>
  readonly log: Log
  /** Hears that the folders or problems changed. */
  readonly emitChanged: () => void
  /** How long the files of a folder must stay as they are before they are imported, in milliseconds. */
  readonly settleMs?: number
}

/** A download pauses now and then; files that change after their import are simply imported again. */
const defaultSettleMs = 3000
/** Deepest folder below a watched one. */
const watchedDepth = 16

/** A watcher of nothing yet. */
export function createFolderWatcher({ importer, log, emitChanged, settleMs = defaultSettleMs }: FolderWatcherOptions): FolderWatcher {
  /** Folders with an adapter to come, and their stamp when they were last looked at. */
  const unsettled = new Map<string, Stamp | null>()
  let watched: readonly string[] = []
  let problems: readonly Problem[] = []
  let watcher: FSWatcher | null = null
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()
  let closed = false

  function expect(folder: string): void {
    if (closed) return
    unsettled.set(folder, null)
    timer ??= setTimeout(lookAgain, settleMs)
  }

  function lookAgain(): void {
    timer = undefined
    looking = look()
      .catch((error: unknown) => log.error('watched folders could not be looked at', { error: String(error) }))
      .finally(() => {
        if (unsettled.size > 0 && !closed) timer ??= setTimeout(lookAgain, settleMs)
      })
  }

  /** Imports the folders whose files stayed as they were since the last look; those that still change wait for the next one. */
  async function look(): Promise<void> {
    const before = new Map(unsettled)
    const now = await importer.changedPlaces([...before.keys()])
    const ready: string[] = []
    for (const [folder, stamp] of before) {
      const found = now.get(folder)
      // Incomplete, or known as it is. Another hint comes when that changes.
      if (found === undefined) unsettled.delete(folder)
      else if (found === stamp) {
        unsettled.delete(folder)
        ready.push(folder)
      } else unsettled.set(folder, found)
    }
    if (ready.length > 0 && !closed) importer.start(ready)
  }

  function refuse(problem: Problem): void {
    if (problems.some(({ message }) => message === problem.message)) return
    problems = [...problems, problem]
    log.warn('a folder cannot be watched', { problem: problem.message })
    emitChanged()
  }

  async function begin(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const problem = await folderProblem(folder)
      if (problem) refuse(problem)
    }
    // Loaded by those who watch something only.
    const { watch } = await import('chokidar')
    watcher = watch([...folders], {
      ignored: (path) => !folders.includes(path) && !isLookedInto(basename(path)),
      ignoreInitial: true,
      // Links may run in circles; the looking-through follows them once each.
      followSymlinks: false,
      ignorePermissionErrors: true,
      depth: watchedDepth,
    })
    const hint = (path: string) => void ([weightsName, configName].includes(basename(path)) && expect(dirname(path)))
    watcher.on('add', hint).on('change', hint)
    watcher.on('error', (error) => refuse(watchProblem(folders, error)))
    // What comes before the watcher is ready is news to nobody: the look through the folders finds it, and must not end before that.
    await ready(watcher)
    for (const folder of await importer.findPlaces(folders)) expect(folder)
  }

  async function end(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    unsettled.clear()
    const ending = watcher
    watcher = null
    await ending?.close()
  }

  let turn: Promise<void> = Promise.resolve()
  /** One change of folders after the other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(work).catch((error: unknown) => {
      if (closed) return
      refuse(watchProblem(watched, error))
    })
    return turn
  }

  return {
    watch: (folders) =>
      inTurn(async () => {
        if (closed || sameFolders(folders, watched)) return
        await end()
        watched = [...folders]
        problems = []
        if (folders.length > 0) await begin(folders)
        emitChanged()
      }),
    state: () => ({ folders: watched, problems }),
    async close() {
      closed = true
      await turn
      await end()
      await looking
    },
  }
}

/** Also after errors: chokidar says that it is ready when it has tried every folder. */
function ready(watcher: FSWatcher): Promise<void> {
  return new Promise((resolve) => void watcher.once('ready', resolve))
}

function sameFolders(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((folder, index) => folder === other[index])
}

async function folderProblem(folder: string): Promise<Problem | null> {
  try {
    return (await stat(folder)).isDirectory() ? null : unwatched(folder, 'it is no folder')
  } catch (error) {
    if (!isSystemError(error)) throw error
    return unwatched(folder, reasonOf(error))
  }
}

function watchProblem(folders: readonly string[], error: unknown): Problem {
  const { code, path } = error as NodeJS.ErrnoException
  const folder = path ?? folders.join(', ')
  if (code !== 'ENOSPC') return unwatched(folder, error instanceof Error ? error.message : String(error))
  return errorProblem('watch-failed', `${folder} cannot be watched: the system allows no more watched folders.`, {
    where: { path: folder },
    hint: 'Watch a smaller folder, or raise the limit (fs.inotify.max_user_watches on Linux). A rescan and an import work without it.',
  })
}

function unwatched(folder: string, reason: string): Problem {
  return errorProblem('watch-failed', `${folder} cannot be watched: ${reason}.`, {
    where: { path: folder },
    hint: 'Check that it is there and that you may read it, or take it off the list. An import works without it.',
  })
}
