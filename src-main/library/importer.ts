import { setTimeout } from 'node:timers/promises'
import type { AdapterOrigin } from '../contract/adapter.ts'
import type { ImportItem, ImportProgress, ImportReport } from '../contract/import-report.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import { createChecker } from './check-adapter.ts'
import { finishLeftImports } from './finish-imports.ts'
import { gatherChanges } from './gather-changes.ts'
import type { Admission } from './import-adapter.ts'
import { importSingle } from './import-folder.ts'
import { beginImport, type ImportRun } from './import-run.ts'
import { runImport, type ImportTools } from './run-import.ts'
import type { Inspect } from './inspection.ts'
import type { Library } from './open-library.ts'
import { runRelink } from './relink.ts'
import { rescanPlaces } from './rescan.ts'
import type { Stamp } from './read-file.ts'
import type { ScanEvent } from './scan-folders.ts'
import { createLibraryThreads } from './library-threads.ts'
import { createSettler } from './settle-checks.ts'

/** What an import of paths is given along. */
export interface ImportOptions {
  readonly origin?: AdapterOrigin
  readonly tags?: readonly string[]
}

/** The way into the library, for people's files and for the app's own results. */
export interface Importer {
  /** Starts importing files and folders (looked through with everything below). Answers at once; progress comes as events. */
  start(paths: readonly string[], options?: ImportOptions): { readonly id: string | null; readonly problems: readonly Problem[] }
  /** Starts looking through files and folders for the files of missing adapters; runs and is reported as an import, and takes nothing new in. */
  relink(paths: readonly string[]): { readonly id: string | null; readonly problems: readonly Problem[] }
  /** The report once all checks are done, or the import was stopped. Throws what ended the import early, and for an id that was never given. */
  finished(id: string): Promise<ImportReport>
  /** Stops looking, reading and checking. What is listed stays listed; unchecked adapters are checked when they are imported again. */
  stop(id: string): readonly Problem[]
  /** The report of the import that began last, finished or not; null when there was none. */
  lastReport(): ImportReport | null
  /** Takes in one adapter that the app made; everything is checked when it resolves. */
  importFolder(folder: string, admission: Admission): Promise<ImportItem>
  /** For hosts that stay: takes up the checks that an earlier process did not finish, in the background, and has the reading threads ready. */
  resumeChecks(): void
  /** Folders of adapters in `paths`, looked through with everything below. */
  findPlaces(paths: readonly string[]): Promise<readonly string[]>
  /** Those folders that hold a complete adapter which is not known as it is there now, with the stamps of their files. */
  changedPlaces(folders: readonly string[]): Promise<ReadonlyMap<string, Stamp>>
  /** Looks whether adapters are still where they were (all, or the given ones), and imports anew where other content lies now. */
  rescan(ids?: readonly string[]): Promise<{ readonly missing: number; readonly found: number }>
  close(): Promise<void>
}

export interface ImporterOptions {
  readonly library: Library
  readonly inspect: Inspect
  /** Hears the ids of adapters that changed, came or went. */
  readonly emitChanged: (ids: readonly string[]) => void
  readonly emitProgress: (progress: ImportProgress) => void
  readonly log: Log
  /** Reading threads; at least two, so that one can hash while the other reads headers. */
  readonly workers?: number
}

/** The importer over an open library. Close it before the library. */
export function createImporter(options: ImporterOptions): Importer {
  const { library, inspect, emitProgress, log } = options
  const changes = gatherChanges(options.emitChanged)
  const emitChanged = changes.add
  const { adapters, inspections, imports, now } = library
  const pool = createLibraryThreads(options.workers)
  const closing = new AbortController()
  const checker = createChecker({ adapters, inspections, pool, inspect, log })
  const settler = createSettler({ adapters, pool, checker, emitChanged, now })
  const tools: ImportTools = { adapters, pool, settler, databaseFile: library.file, emitChanged, log, now }
  const running = new Map<string, { readonly run: ImportRun; readonly ended: Promise<void> }>()
  const failures = new Map<string, unknown>()
  const background = new Set<Promise<void>>()

  /** Background work that `close` waits for; resolves in any case, a failure is logged. */
  function keep(work: Promise<void>, failure: string): Promise<void> {
    const settled = work.catch((error: unknown) => log.error(failure, { error: String(error) })).finally(() => background.delete(settled))
    background.add(settled)
    return settled
  }

  function begin(paths: readonly string[], work: (run: ImportRun) => Promise<void>) {
    if (paths.length === 0) return { id: null, problems: [nothingGiven()] }
    const run = beginImport(imports, now(), emitProgress)
    const whole = work(run)
      .finally(() => run.finish(now()))
      .catch((error: unknown) => {
        failures.set(run.id, error)
        throw error
      })
    const ended = keep(whole, 'an import ended unexpectedly').finally(() => running.delete(run.id))
    running.set(run.id, { run, ended })
    return { id: run.id, problems: [] }
  }

  const start: Importer['start'] = (paths, { origin = 'imported', tags = [] } = {}) =>
    begin(paths, (run) => runImport(run, paths, { origin, tags }, tools))

  /** Adapters that were checked before the library kept spectra. Stopped, it goes on with those still without at the next start. */
  async function inspectLeft(): Promise<void> {
    const inspected = inspections.uninspected().map(async (seq) => {
      const id = await checker.inspectAgain(seq, closing.signal)
      if (id !== null) emitChanged([id])
    })
    await Promise.all(inspected)
  }

  return {
    start,
    relink: (paths) => begin(paths, (run) => runRelink(run, paths, tools)),
    async finished(id) {
      await running.get(id)?.ended
      if (failures.has(id)) throw failures.get(id)
      const report = imports.report(id)
      if (!report) throw new Error(`there is no import ${id}`)
      return report
    },
    stop(id) {
      running.get(id)?.run.stop()
      return []
    },
    lastReport: () => imports.report(),
    importFolder: (folder, admission) => importSingle(folder, admission, tools, closing.signal),
    resumeChecks() {
      pool.warm()
      const work = settler.settleAll(adapters.unchecked.all(), closing.signal).then(() => {
        if (!closing.signal.aborted) finishLeftImports(library, new Set(running.keys()))
        return inspectLeft()
      })
      void keep(work, 'pending checks could not be taken up')
    },
    async findPlaces(paths) {
      const folders: string[] = []
      const onPart = (events: readonly ScanEvent[]) =>
        void folders.push(...events.flatMap((event) => (event.kind === 'found' ? [event.folder] : [])))
      await pool.run('scan', paths, { signal: closing.signal, onPart })
      return folders
    },
    async changedPlaces(folders) {
      const stamps = await pool.run('stamp', folders, { signal: closing.signal })
      const changed = folders.flatMap((folder, index) => {
        const stamp = stamps[index] ?? null
        const known = adapters.paths.at(folder)
        return stamp === null || (known?.present && known.stamp === stamp) ? [] : [[folder, stamp] as const]
      })
      return new Map(changed)
    },
    rescan(ids) {
      const look = rescanPlaces(tools, closing.signal, ids)
      // The caller hears of a failure; `close` only waits.
      void keep(look.then(() => undefined, () => undefined), 'a look for missing files failed') // prettier-ignore
      return look.then(({ missing, found, changed, touched }) => {
        if (closing.signal.aborted) return { missing: 0, found: 0 }
        if (touched.length > 0) emitChanged(touched)
        if (changed.length > 0) start(changed)
        return { missing, found }
      })
    },
    async close() {
      closing.abort()
      for (const { run } of running.values()) run.stop()
      const quiet = Promise.all([...background, ...[...running.values()].map(({ ended }) => ended)])
      // A disk that does not answer must not keep the app open.
      await Promise.race([quiet, setTimeout(closeGraceMs, undefined, { ref: false })])
      await pool.close()
      await quiet
      changes.flush()
    },
  }
}

/** How long work in progress may take to stop, in milliseconds. */
const closeGraceMs = 2000

function nothingGiven(): Problem {
  return errorProblem('no-adapter-found', 'No path was given to import.', { where: { field: 'paths' }, hint: 'Name a folder or a file.' })
}
