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
