import type { ClusterJob } from '../contract/cluster-job.ts'
import type { CellResult } from '../contract/plan-run.ts'

/** Another id for an adapter, null where there is none. */
type IdOf = (id: string) => string | null

/** A result as other libraries can read it: adapters are named by content, and it is said where it was made. `hashOf` gives the content of an adapter here. */
export function portableResult(result: CellResult, hashOf: IdOf, host: string): CellResult {
  const named = withIds(result, hashOf)
  // Files of this machine's scratch library are gone when the job has ended.
  return { ...named, adapter: named.adapter && { ...named.adapter, path: null }, provenance: { ...named.provenance, host } }
}

/** Whether a result is that of the job in the state that it has now. */
export function isResultOf(result: CellResult | null, { cell, fingerprint }: Pick<ClusterJob, 'cell' | 'fingerprint'>): boolean {
  return result?.cell === cell && result.fingerprint === fingerprint
}

/** A result with other ids for its adapters; those that `idOf` does not know keep theirs. */
export function withIds(result: CellResult, idOf: IdOf): CellResult {
  return {
    ...result,
    selection: result.selection.map((one) => ({ ...one, adapterId: idOf(one.adapterId) ?? one.adapterId })),
    coefficients: result.coefficients && {
      ...result.coefficients,
      adapters: result.coefficients.adapters.map(({ id, name }) => ({ id: id === null ? null : (idOf(id) ?? id), name })),
    },
  }
}
