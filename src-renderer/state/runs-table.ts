import type { RunRef, RunRow, RunsComparison } from '../../src-main/contract/runs-list.ts'

/** Runs that can stand side by side at most (contract/bridge.ts, runs.compare). */
export const comparedAtMost = 50

/** The same for the same run everywhere. */
export function runKey({ kind, id }: RunRef): string {
  return `${kind} ${id}`
}

/** What is compared: the selection in its order, with the pinned run first where it is of a kind that is selected. */
export function comparedRefs(selected: readonly RunRef[], pinned: RunRef | null): readonly RunRef[] {
  const joins = pinned !== null && selected.length > 1 && selected.some(({ kind }) => kind === pinned.kind)
  const others = joins ? selected.filter((run) => runKey(run) !== runKey(pinned)) : selected
  return (joins ? [pinned, ...others] : others).slice(0, comparedAtMost).map(({ kind, id }) => ({ kind, id }))
}

/** Rows of a comparison by group, in their order; only those that differ unless `all` is wanted or one run stands alone. */
export function comparisonGroups(
  { runs, rows }: Pick<RunsComparison, 'runs' | 'rows'>,
  all: boolean,
): readonly { readonly group: string; readonly rows: RunsComparison['rows'] }[] {
  const shown = all || runs.length < 2 ? rows : rows.filter(({ differs }) => differs)
  return [...Map.groupBy(shown, ({ group }) => group)].map(([group, ofGroup]) => ({ group, rows: ofGroup }))
}

/** Where a key leads from a row; null when it does not move. */
export function rowMove(at: number, key: string, total: number, page: number): number | null {
  const inside = (row: number): number => Math.max(0, Math.min(total - 1, row))
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: inside(at + 1),
    ArrowUp: inside(at - 1),
    PageDown: inside(at + page),
    PageUp: inside(at - page),
    Home: 0,
    End: inside(total - 1),
  }
  return total === 0 ? null : (moves[key] ?? null)
}

/** First and last of a range that was drawn from `anchor` to `row`, whichever comes first. */
export function rangeOf(anchor: number, row: number): { readonly first: number; readonly last: number } {
  return { first: Math.min(anchor, row), last: Math.max(anchor, row) }
}

/** What all of some runs have in common: whether they can be archived, or taken out of the archive. */
export function archivable(rows: readonly Pick<RunRow, 'archived'>[]): 'archive' | 'restore' | null {
  if (rows.length === 0) return null
  return rows.every(({ archived }) => archived) ? 'restore' : 'archive'
}
