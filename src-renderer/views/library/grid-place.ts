import type { GridPlace } from '../../state/grid-keys.ts'

/** The place of the grid that an element lies in, by data-row of the row and data-column of the cell; null outside the cells. */
export function placeOf(target: EventTarget | null): { readonly place: GridPlace; readonly cell: HTMLElement } | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>('[data-column]') : null
  const row = cell?.closest<HTMLElement>('[data-row]')
  if (!cell || !row) return null
  return { place: { row: Number(row.dataset['row']), column: Number(cell.dataset['column']) }, cell }
}

/** The element that takes the focus at a place, if it is drawn. */
export function cellAt(grid: HTMLElement | null, place: GridPlace): HTMLElement | null {
  return grid?.querySelector<HTMLElement>(`[data-row="${place.row}"] [data-column="${place.column}"]`) ?? null
}
