import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ImportItem } from '../contract/import-report.ts'
import { warningProblem } from '../contract/problems.ts'
import { contentHashOf, hashWeights } from './hash-file.ts'
import { notListed } from './import-adapter.ts'
import type { ImportRun } from './import-run.ts'
import type { MissingAdapter } from './missing-store.ts'
import { weightsName } from './read-adapter.ts'
import type { Stamp } from './read-file.ts'
import { weightsBytes, weightsStamp } from './read-stamp.ts'
import type { ImportTools } from './run-import.ts'
import type { ScanEvent } from './scan-folders.ts'

/** A folder that may hold a missing adapter. */
interface Candidate {
  readonly folder: string
  readonly stamp: Stamp
  /** The missing adapters that its size, config and header fit. */
  readonly fits: readonly MissingAdapter[]
}

/** Folders looked at in one go. */
const batchSize = 64

/**
 * Looks through `paths` for the files of missing adapters and notes where they are; nothing else comes in. Size, config and header are compared
 * first, so that only files that can be meant are hashed. Each folder found is an item of the report, as content that the library knows.
 */
export async function runRelink(run: ImportRun, paths: readonly string[], tools: ImportTools): Promise<void> {
  const missing = tools.adapters.missing()
  run.enter('scanning', 0)
  // Without anything to look for, no folder needs to be looked through.
  const folders = missing.length === 0 ? [] : await foundIn(run, paths, tools)
  run.enter('listing', folders.length)
  const candidates: Candidate[] = []
  for (let from = 0; from < folders.length && !run.signal.aborted; from += batchSize) {
    const batch = folders.slice(from, from + batchSize)
    candidates.push(...(await candidatesAmong(batch, missing, run, tools)))
    run.advance(batch.length)
  }
  run.enter('checking', candidates.length)
  for (const candidate of candidates) {
    if (run.signal.aborted) return
    await attach(candidate, run, tools)
    run.advance(1)
    await setImmediate()
  }
}

async function foundIn(run: ImportRun, paths: readonly string[], { pool, adapters }: ImportTools): Promise<readonly string[]> {
  const folders: string[] = []
  const onPart = (events: readonly ScanEvent[]) => {
    folders.push(...events.flatMap((event) => (event.kind === 'found' ? [event.folder] : [])))
    const refused = events.flatMap((event) => (event.kind === 'refused' ? [notListed(event.path, event.problem)] : []))
    if (refused.length > 0) adapters.writes.together(() => run.add(refused))
  }
  await pool.run('scan', paths, { signal: run.signal, onPart })
  return folders
}

/** Those folders whose weights have the size, and whose config and header are those, of a missing adapter. */
async function candidatesAmong(
  folders: readonly string[],
  missing: readonly MissingAdapter[],
  run: ImportRun,
  { pool, log }: ImportTools,
): Promise<readonly Candidate[]> {
  const sizes = new Set(missing.map(({ sizeBytes }) => sizeBytes))
  const stamps = await pool.run('stamp', folders, { signal: run.signal })
  const likely = folders.filter((_folder, index) => {
    const stamp = stamps[index] ?? null
    return stamp !== null && sizes.has(weightsBytes(stamp))
  })
  if (likely.length === 0) return []
  const results = await pool.run('read', likely.map((folder) => ({ folder, known: null })), { signal: run.signal }) // prettier-ignore
  return results.flatMap((result) => {
    if (result.kind === 'failed') log.error('a folder could not be read', { path: result.folder, error: result.reason })
    if (result.kind !== 'listing') return []
    const { folder, stamp, sizeBytes, config, modules } = result.listing
    const fits = missing.filter((one) => one.sizeBytes === sizeBytes && one.config === config && one.modules === modules)
    return fits.length > 0 ? [{ folder, stamp, fits }] : []
  })
}

/** Hashes a candidate and, when it is the content of a missing adapter, notes its folder as a place of that adapter. */
async function attach({ folder, stamp, fits }: Candidate, run: ImportRun, { adapters, pool, emitChanged }: ImportTools): Promise<void> {
  const path = join(folder, weightsName)
  const known = adapters.hashes.get(path, weightsStamp(stamp))
  const hashes = known ?? (await hashWeights(pool, { path, stamp: weightsStamp(stamp) }, { signal: run.signal }))
  if (hashes === null) return
  if ('code' in hashes) {
    run.add([notListed(folder, hashes)])
    return
  }
  if (!known) adapters.hashes.put(path, weightsStamp(stamp), hashes)
  const found = fits.find(({ contentHash, config }) => contentHash === contentHashOf(hashes.weightsSha256, config))
  if (!found) return
  const isNoted = adapters.writes.together(() => {
    // It may have been removed or found meanwhile.
    const row = adapters.writes.bySeq(found.seq)
    if (!row || row.id !== found.id) return false
    adapters.writes.putPath(found.seq, folder, stamp)
    run.add([foundAgain(folder, found, adapters.byIds([found.id])[0]?.variant ?? 'other')])
    return true
  })
  if (isNoted) emitChanged([found.id])
}

function foundAgain(path: string, { id, name }: MissingAdapter, variant: ImportItem['variant']): ImportItem {
  const problem = warningProblem('duplicate', `These are the files of "${name}", which was missing; it lies here now.`, {
    where: { path, value: id },
    hint: 'Nothing needs to be done.',
  })
  return { path, id, variant, status: 'duplicate', problems: [problem] as ImportItem['problems'] }
}
