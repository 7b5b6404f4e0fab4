import { join } from 'node:path'
import type { AdapterModule } from '../contract/adapter.ts'
import { errorProblem, Refusal, type Problem, type ProblemCode } from '../contract/problems.ts'
import type { Log } from '../platform/log.ts'
import type { AdapterStore } from './adapter-store.ts'
import { databaseProblem } from './database-problems.ts'
import { detectLori } from './detect-lori.ts'
import { contentHashOf, hashWeights } from './hash-file.ts'
import type { FileHashes } from './hash-cache.ts'
import type { Inspect, InspectRequest } from './inspection.ts'
import type { InspectionStore } from './inspection-store.ts'
import { judgeValues } from './judge-values.ts'
import { screensFromValues } from './judge-screens.ts'
import { createLane } from './lane.ts'
import { packInspection } from './pack-inspection.ts'
import { weightsName } from './read-adapter.ts'
import { weightsStamp } from './read-stamp.ts'
import type { UncheckedRow } from './unchecked-row.ts'
import type { WorkerPool } from './worker-pool.ts'

/** How the checks of one row ended. */
export type CheckOutcome =
  /** The row is ok or refused now; or somebody else had checked or removed it. */
  | { readonly kind: 'checked'; readonly id: string | null }
  /** The same content stands in the library as `id`, which has this row's places now. */
  | { readonly kind: 'duplicate'; readonly id: string; readonly removed: string }
  /** The files changed since their headers were read. */
  | { readonly kind: 'changed'; readonly folder: string }
  /** Not done; the row stays as it is. */
  | { readonly kind: 'unchecked'; readonly problem: Problem | null }

/** Reads hashes and values of listed adapters in the background. */
export interface Checker {
  check(seq: number, options: { readonly signal: AbortSignal; readonly urgent?: boolean }): Promise<CheckOutcome>
  /** Computes the spectra of an adapter that was checked before the library kept them; its id when they are there now, else null. */
  inspectAgain(seq: number, signal: AbortSignal): Promise<string | null>
}

/** Problems of the file itself, for which the adapter is refused; any other failure leaves it unchecked. */
const refusals: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  ...(['file-unreadable', 'file-too-small', 'header-too-long', 'header-not-json', 'header-duplicate-key', 'header-invalid'] as const),
  ...(['unknown-dtype', 'tensor-offsets-invalid', 'tensor-overlap', 'tensor-hole', 'too-many-tensors', 'tensor-missing'] as const),
  ...(['shape-mismatch', 'not-finite'] as const),
])

/** Files inspected at the same time. */
const inspectionsAtOnce = 2

/**
 * The checks over `adapters`. Hashes are taken one after the other, in the order of the rows, so that of two equal adapters the first listed
 * stays; values are read beside that.
 */
export function createChecker(options: {
  readonly adapters: AdapterStore
  readonly inspections: InspectionStore
  readonly pool: WorkerPool
  readonly inspect: Inspect
  readonly log: Log
}): Checker {
  const { adapters, inspections, pool, inspect, log } = options
  const { writes, hashes: cache, unchecked } = adapters
  const hashLane = createLane(1)
  const inspectLane = createLane(inspectionsAtOnce)

  async function hash(row: UncheckedRow, signal: AbortSignal): Promise<FileHashes | Problem | null> {
    const path = join(row.folder, weightsName)
    const stamp = weightsStamp(row.stamp)
    const known = cache.get(path, stamp)
    if (known) return known
    const hashes = await hashWeights(pool, { path, stamp }, { signal })
    if (hashes !== null && !('code' in hashes)) cache.put(path, stamp, hashes)
    return hashes
  }

  /** Hashes the row and settles whether its content is new; null when it is, and values are still to be read. */
  async function identify(seq: number, signal: AbortSignal): Promise<CheckOutcome | null> {
    const row = signal.aborted ? null : unchecked.get(seq)
    if (!row) return signal.aborted ? { kind: 'unchecked', problem: null } : { kind: 'checked', id: null }
    const hashes = await hash(row, signal)
    if (hashes === null) return { kind: 'unchecked', problem: null }
    if ('code' in hashes) return failed(row, [hashes])
    const contentHash = contentHashOf(hashes.weightsSha256, row.config)
    return writes.together(() => {
      if (!unchecked.get(seq)) return { kind: 'checked', id: null }
      const twin = writes.withContent(contentHash)
      if (!twin || twin.seq === seq) {
        writes.setHashes(seq, contentHash, hashes.tensorHash)
        return null
      }
      writes.absorb(twin.seq, seq)
      return { kind: 'duplicate', id: twin.id, removed: row.id }
    })
  }

  async function readValues(seq: number, signal: AbortSignal): Promise<CheckOutcome> {
    const row = signal.aborted ? null : unchecked.get(seq)
    if (!row) return signal.aborted ? { kind: 'unchecked', problem: null } : { kind: 'checked', id: null }
    const weightsPath = join(row.folder, weightsName)
    try {
      const result = await inspect(requestOf(weightsPath, row.modules), signal)
      const [now] = await pool.run('stamp', [row.folder], { urgent: true })
      if (now !== row.stamp) return { kind: 'changed', folder: row.folder }
      if (unchecked.get(seq)) writes.together(() => writes.setChecked(seq, judgeValues({ ...row, weightsPath }, result)))
      return { kind: 'checked', id: row.id }
    } catch (error) {
      if (error instanceof Refusal) return failed(row, error.problems)
      const failure = databaseProblem(error)
      if (failure) return { kind: 'unchecked', problem: failure }
      log.error('an adapter could not be checked', { adapter: row.id, path: weightsPath, error: String(error) })
      const message = 'The checks ended with an unexpected error; the log says more.'
      return {
        kind: 'unchecked',
        problem: errorProblem('internal', message, { where: { path: weightsPath }, hint: 'Import the adapter again.' }),
      }
    }
  }

  function failed(row: UncheckedRow, problems: readonly Problem[]): CheckOutcome {
    const [first] = problems
    if (!first || first.code === 'cancelled') return { kind: 'unchecked', problem: null }
    if (first.code === 'file-changed') return { kind: 'changed', folder: row.folder }
    if (!refusals.has(first.code)) return { kind: 'unchecked', problem: first }
    const path = join(row.folder, weightsName)
    const placed = problems.map((problem) => ({ ...problem, where: { path, ...problem.where } }))
    writes.together(() =>
      writes.setChecked(row.seq, {
        ...{ status: 'refused', variant: row.variant, norm: null, norms: null, inspection: null },
        problems: [...placed, ...row.problems],
        screens: first.code === 'not-finite' ? screensFromValues(row.screens, false, null) : row.screens,
      }),
    )
    return { kind: 'checked', id: row.id }
  }

  async function computeSpectra(seq: number, signal: AbortSignal): Promise<string | null> {
    const row = signal.aborted ? null : inspections.row(seq)
    if (!row) return null
    const weightsPath = join(row.folder, weightsName)
    try {
      const { finite, modules } = await inspect(requestOf(weightsPath, row.modules), signal)
      const [now] = await pool.run('stamp', [row.folder], { urgent: true })
      // What changed since it was checked is found by the look for changed files.
      if (!finite || now !== row.stamp || !inspections.row(seq)) return null
      const byName = new Map(modules.map((module) => [module.name, module]))
      inspections.put(seq, packInspection(row.modules, byName, detectLori(row.modules, byName)))
      return row.id
    } catch (error) {
      if (!signal.aborted) log.warn('the spectra of an adapter could not be computed', { path: weightsPath, error: String(error) })
      return null
    }
  }

  return {
    inspectAgain: (seq, signal) => inspectLane.run(() => computeSpectra(seq, signal)),
    async check(seq, { signal, urgent = false }) {
      const settled = await hashLane.run(() => identify(seq, signal), urgent)
      return settled ?? inspectLane.run(() => readValues(seq, signal), urgent)
    },
  }
}

function requestOf(weightsFile: string, modules: readonly AdapterModule[]): InspectRequest {
  return {
    weightsFile,
    modules: modules.map(({ name, tensorA, tensorB, rank, scaling }) => ({ name, a: tensorA, b: tensorB, rank, scaling })),
  }
}
