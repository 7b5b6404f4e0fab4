/** Rows fetched at once. */
export const pageSize = 100

/** First and last row on screen, inclusive. */
export interface PageWindow {
  readonly first: number
  readonly last: number
}

/**
 * The pages of a window that were not asked for yet, those in the middle of the screen first.
 * Pages beyond the last row are left out; while the total is unknown only the first page is asked for.
 */
export function pagesToFetch(window: PageWindow, total: number | null, asked: ReadonlySet<number>): readonly number[] {
  const end = total === null ? 0 : Math.max(0, Math.ceil(total / pageSize) - 1)
  const first = Math.min(Math.floor(window.first / pageSize), end)
  const last = Math.min(Math.floor(window.last / pageSize), end)
  const middle = (window.first + window.last) / 2 / pageSize - 0.5
  const pages = Array.from({ length: last - first + 1 }, (_, step) => first + step)
  return pages.filter((page) => !asked.has(page)).sort((left, right) => Math.abs(left - middle) - Math.abs(right - middle))
}
