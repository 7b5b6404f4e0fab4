/** How many of some adapters have each value, those in use by any of them first, then by name. */
export function countHolders(
  lists: readonly (readonly string[])[],
  known: readonly string[],
): readonly { readonly id: string; readonly label: string; readonly holders: number }[] {
  const holders = new Map(known.map((value) => [value, 0]))
  for (const list of lists) for (const value of list) holders.set(value, (holders.get(value) ?? 0) + 1)
  return [...holders]
    .map(([value, count]) => ({ id: value, label: value, holders: count }))
    .sort((left, right) => Number(right.holders > 0) - Number(left.holders > 0) || left.label.localeCompare(right.label))
}

/** A tag as it is kept: without blanks around it, one blank inside. */
export function cleanTag(typed: string): string {
  return typed.trim().replaceAll(/\s+/g, ' ')
}

/** The tags that adapters lose when theirs are replaced by one tag, or (null) cleared. Letter case makes no other tag. */
export function tagsLost(lists: readonly (readonly string[])[], kept: string | null): readonly string[] {
  const all = new Set(lists.flat())
  return [...all].filter((tag) => kept === null || tag.toLowerCase() !== kept.toLowerCase())
}
