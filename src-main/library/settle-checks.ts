import type { AdapterStore } from './adapter-store.ts'
import type { Checker } from './check-adapter.ts'
import { importAdapter } from './import-adapter.ts'
import { fileChanged } from './read-file.ts'
import type { Problem } from '../contract/problems.ts'
import type { WorkerPool } from './worker-pool.ts'

/** What became of a row that waited for its checks. */
export type Settled =
  /** Its facts are known; as `id`, which is another adapter's when the content was there before. */
  | { readonly kind: 'known'; readonly id: string; readonly duplicate: boolean }
  /** It was removed from the library meanwhile. */
  | { readonly kind: 'gone' }
  /** Stopped (no problem), or not possible now; the row goes on waiting. */
  | { readonly kind: 'unchecked'; readonly problem: Problem | null }

/** Sees checks through: once for each row, however many imports wait for it, and again when files change in between. */
export interface Settler {
  settle(seq: number, options: { readonly signal: AbortSignal; readonly urgent?: boolean }): Promise<Settled>
  settleAll(seqs: readonly number[], signal: AbortSignal): Promise<void>
}

export interface SettlerOptions {
  readonly adapters: AdapterStore
  readonly pool: WorkerPool
  readonly checker: Checker
  readonly emitChanged: (ids: readonly string[]) => void
  readonly now: () => Date
}

/** How often files that change under the reader are read anew. */
const maxRereads = 2

/** A settler over one library. */
export function createSettler({ adapters, pool, checker, emitChanged, now }: SettlerOptions): Settler {
  const underway = new Map<number, Promise<Settled>>()
  const { writes } = adapters

  async function settle(seq: number, options: { readonly signal: AbortSignal; readonly urgent?: boolean }): Promise<Settled> {
    for (;;) {
      const shared = underway.get(seq)
      const work = shared ?? begin(seq, options)
      const settled = await work
      const stoppedByOther = shared !== undefined && settled.kind === 'unchecked' && settled.problem === null && !options.signal.aborted
      if (!stoppedByOther) return settled
    }
  }

  function begin(seq: number, options: { readonly signal: AbortSignal; readonly urgent?: boolean }): Promise<Settled> {
    const work = settleOnce(seq, options, 0).finally(() => underway.delete(seq))
    underway.set(seq, work)
    return work
  }

  async function settleOnce(
    seq: number,
    options: { readonly signal: AbortSignal; readonly urgent?: boolean },
    rereads: number,
  ): Promise<Settled> {
    const outcome = await checker.check(seq, options)
    if (outcome.kind === 'unchecked') return outcome
    if (outcome.kind === 'duplicate') {
      emitChanged([outcome.id, outcome.removed])
      return { kind: 'known', id: outcome.id, duplicate: true }
    }
    if (outcome.kind === 'checked') {
      const id = outcome.id ?? writes.bySeq(seq)?.id
      if (id === undefined) return { kind: 'gone' }
      emitChanged([id])
      return { kind: 'known', id, duplicate: false }
    }
    if (rereads >= maxRereads) return refuse(seq, outcome.folder)
    const [result] = await pool.run('read', [{ folder: outcome.folder, known: null }], { urgent: options.urgent ?? false })
    const { item, pending } = writes.together(() => importAdapter(adapters, result!, { origin: 'imported' }, now()))
    if (item.id !== null) emitChanged([item.id])
    // A row with several places keeps the others, and what lies in this one now is another row.
    if (pending === seq) return settleOnce(seq, options, rereads + 1)
    if (pending !== null) return settle(pending, options)
    return item.id === null ? { kind: 'gone' } : { kind: 'known', id: item.id, duplicate: false }
  }

  function refuse(seq: number, folder: string): Settled {
    const row = adapters.unchecked.get(seq)
    if (!row) return { kind: 'gone' }
    const problems = [{ ...fileChanged(), where: { path: folder } }, ...row.problems]
    const { variant, screens } = row
    writes.together(() =>
      writes.setChecked(seq, { status: 'refused', variant, norm: null, norms: null, inspection: null, problems, screens }),
    )
    emitChanged([row.id])
    return { kind: 'known', id: row.id, duplicate: false }
  }

  return {
    settle,
    async settleAll(seqs, signal) {
      await Promise.all(seqs.map((seq) => settle(seq, { signal })))
    },
  }
}
