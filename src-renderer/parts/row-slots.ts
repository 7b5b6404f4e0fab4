/** Which slot draws each of `indexes`: a row that was there keeps its slot, and new rows take the slots that became free, then new ones. */
export function takeSlots(before: ReadonlyMap<number, number>, indexes: readonly number[]): ReadonlyMap<number, number> {
  const kept = new Map(indexes.flatMap((index) => (before.has(index) ? [[index, before.get(index) ?? 0] as const] : [])))
  const taken = new Set(kept.values())
  let next = 0
  for (const index of indexes) {
    if (kept.has(index)) continue
    while (taken.has(next)) next += 1
    taken.add(next)
    kept.set(index, next)
  }
  return kept
}
