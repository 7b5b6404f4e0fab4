import { setImmediate } from 'node:timers/promises'
import type { ImportItem } from '../contract/import-report.ts'
import type { Log } from '../platform/log.ts'
import type { AdapterStore } from './adapter-store.ts'
import { importAdapter, lostMeanwhile, notListed, readRequest, refreshedItem, settledItem, type Admission } from './import-adapter.ts'
import type { ImportRun } from './import-run.ts'
import type { ScanEvent } from './scan-folders.ts'
import type { Settled, Settler } from './settle-checks.ts'
import type { WorkerPool } from './worker-pool.ts'
import type { ReadResult } from './worker-protocol.ts'

/** What an import works with. */
export interface ImportTools {
  readonly adapters: AdapterStore
  readonly pool: WorkerPool
  readonly settler: Settler
  /** The database, whose journal is written back after much was written. */
  readonly databaseFile: string
  readonly emitChanged: (ids: readonly string[]) => void
  readonly log: Log
  readonly now: () => Date
}

/** An item whose row waits for its checks. */
interface Waiting {
  readonly position: number
  readonly seq: number
}

/** Items settled in one go at the end, before the event loop gets a turn. */
const settleChunk = 100

/** One import from the first folder to the last check: look, list (headers only, so that rows come at once), check, settle the report. */
export async function runImport(run: ImportRun, paths: readonly string[], admission: Admission, tools: ImportTools): Promise<void> {
  run.enter('scanning', 0)
  const waiting = await listFound(run, paths, admission, tools)
  if (run.signal.aborted) return
  run.enter('checking', waiting.length)
  await Promise.all([
    writeBack(tools),
    ...waiting.map(async ({ position, seq }) => {
      settle(run, position, await tools.settler.settle(seq, { signal: run.signal }), tools)
      run.advance(1)
    }),
  ])
  await settleAgain(run, tools)
  await writeBack(tools)
}

/** Has the journal written back; when that fails, what was written is safe in the journal all the same. */
export async function writeBack({ pool, databaseFile, log }: Pick<ImportTools, 'pool' | 'databaseFile' | 'log'>): Promise<void> {
  try {
    await pool.run('writeBack', databaseFile)
  } catch (error) {
    log.warn('the journal of the library could not be written back', { error: String(error) })
  }
}

/** Looks through the paths and lists what is found, in order; reading goes on beside looking. */
async function listFound(run: ImportRun, paths: readonly string[], admission: Admission, tools: ImportTools): Promise<Waiting[]> {
  const { pool, adapters } = tools
  const waiting: Waiting[] = []
  let told = 0
  let listed: Promise<void> = Promise.resolve()
  const onPart = (events: readonly ScanEvent[]) => {
    const folders = events.flatMap((event) => (event.kind === 'found' ? [event.folder] : []))
    const nothings = events.flatMap((event) => (event.kind === 'refused' ? [notListed(event.path, event.problem)] : []))
    told += events.length
    if (nothings.length > 0) adapters.writes.together(() => run.add(nothings))
    if (folders.length === 0) return
    const reading = pool.run('read', folders.map((folder) => readRequest(adapters, folder)), { signal: run.signal }) // prettier-ignore
    const before = listed
    listed = (async () => {
      const [results] = await Promise.all([reading, before])
      waiting.push(...admit(run, results, admission, tools))
      run.advance(results.length)
      // Several batches may be ready at once; the window gets its turn between them.
      await setImmediate()
    })()
    // Awaited below; a rejection before that is no unhandled one.
    listed.catch(() => undefined)
  }
  await pool.run('scan', paths, { signal: run.signal, onPart })
  run.enter('listing', told)
  run.advance(run.items().length)
  await listed
  return waiting
}

/** Writes what was read of a batch of folders in one transaction and tells that there are new rows. */
function admit(run: ImportRun, results: readonly ReadResult[], admission: Admission, tools: ImportTools): Waiting[] {
  const { adapters, now, log, emitChanged } = tools
  for (const result of results)
    if (result.kind === 'failed') log.error('an adapter could not be read', { path: result.folder, error: result.reason })
  const { first, admitted } = adapters.writes.together(() => {
    const made = results.map((result) => importAdapter(adapters, result, admission, now()))
    return { admitted: made, first: run.add(made.map(({ item }) => item)) }
  })
  emitChanged(admitted.flatMap(({ item }) => (item.id === null ? [] : [item.id])))
  return admitted.flatMap(({ pending }, index) => (pending === null ? [] : [{ position: first + index, seq: pending }]))
}

/** Puts the outcome of the checks into the report. */
function settle(run: ImportRun, position: number, settled: Settled, { adapters }: ImportTools): void {
  const item = run.items()[position]!
  if (settled.kind === 'gone') return run.settle(position, notListed(item.path, lostMeanwhile(item.path)))
  if (settled.kind === 'unchecked') {
    if (settled.problem) run.settle(position, { ...item, problems: [settled.problem, ...item.problems] as ImportItem['problems'] })
    return
  }
  const [row] = adapters.byIds([settled.id])
  if (!row) return run.settle(position, notListed(item.path, lostMeanwhile(item.path)))
  run.settle(position, settledItem(item.path, row, settled.duplicate), adapters.screens(row.id) ?? undefined)
}

/** Brings the items up to date once all rows are known: what one adapter is told of another one does not depend on who was checked first. */
async function settleAgain(run: ImportRun, { adapters }: ImportTools): Promise<void> {
  const count = run.items().length
  for (let from = 0; from < count; from += settleChunk) {
    adapters.writes.together(() => {
      for (let position = from; position < Math.min(count, from + settleChunk); position++) {
        run.settle(position, refreshedItem(adapters, run.items()[position]!))
      }
    })
    await setImmediate()
  }
}
