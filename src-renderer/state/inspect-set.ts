import type { AdapterRow } from '../../src-main/contract/adapter.ts'

/** Most adapters that the similarity of one selection can be asked for. */
export const mostCompared = 1000
/** Most adapters whose modules are read at once, for spectra and norm matrices: a module has as many numbers as its rank. */
export const mostDetailed = 24
/** Adapters read by one request where all are needed. */
export const pageOfRows = 1000
/** Most adapters of the library that histograms compare with. */
export const mostPooled = 20_000

/** Ids whose update can be looked at: there and readable. Those still being checked come when they are. */
export function readableOf(rows: readonly AdapterRow[]): readonly AdapterRow[] {
  return rows.filter((row) => row.status === 'ok')
}

/** Pairs of `count` adapters. */
export function pairCount(count: number): number {
  return count < 2 ? 0 : (count * (count - 1)) / 2
}

/** True when both hold the same ids, in any order. */
export function sameSet(one: Iterable<string>, other: Iterable<string>): boolean {
  const [first, second] = [new Set(one), new Set(other)]
  return first.size === second.size && [...first].every((id) => second.has(id))
}
