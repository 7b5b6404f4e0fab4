/** Where the arrow, Home and End keys lead from mark `at` of `count`; null for any other key. `columns` is the distance of a vertical step. */
export function walkMarks(key: string, at: number, count: number, columns = 1): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    Home: 0,
    End: count - 1,
  }
  const to = steps[key]
  return to === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, to))
}

/** Moves the focus to mark `at` of the drawing that `event` came from (marks carry data-mark). */
export function focusMark(event: KeyboardEvent & { readonly currentTarget: Element }, at: number): void {
  event.preventDefault()
  event.currentTarget.querySelector<SVGElement>(`[data-mark="${at}"]`)?.focus()
}

/** Where a mark stands among the others, for the arrow keys. */
export interface MarkPlace {
  readonly row: number
  readonly column: number
}

/** The mark that a key leads to from mark `at`: the nearest in that direction, the first or the last; null for any other key or where none is. */
export function nextMark(places: readonly MarkPlace[], at: number, key: string): number | null {
  const from = places[at]
  if (!from) return null
  if (key === 'Home') return 0
  if (key === 'End') return places.length - 1
  const ahead: Readonly<Record<string, (place: MarkPlace) => number>> = {
    // How far it is in the direction of the key, and aside from it: what lies in the same row or column goes first.
    ArrowRight: ({ row, column }) => distance(column - from.column, row - from.row),
    ArrowLeft: ({ row, column }) => distance(from.column - column, row - from.row),
    ArrowDown: ({ row, column }) => distance(row - from.row, column - from.column),
    ArrowUp: ({ row, column }) => distance(from.row - row, column - from.column),
  }
  const measure = ahead[key]
  if (!measure) return null
  let best: { readonly index: number; readonly far: number } | null = null
  places.forEach((place, index) => {
    const far = measure(place)
    if (far < (best?.far ?? Infinity)) best = { index, far }
  })
  return (best as { readonly index: number } | null)?.index ?? null
}

/** Infinite for what does not lie ahead. */
function distance(ahead: number, aside: number): number {
  return ahead > 0 ? ahead + 1000 * Math.abs(aside) : Infinity
}
