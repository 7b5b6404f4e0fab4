import type { AppState } from '../../state/context.ts'
import { gridMove, type GridPlace } from '../../state/grid-keys.ts'
import type { Column } from './columns.ts'
import { placeOf } from './grid-place.ts'

/** What the gestures need of the grid they act on. */
export interface GridSurroundings {
  readonly app: AppState
  readonly columns: () => readonly Column[]
  /** Where the focus is. */
  readonly place: () => GridPlace
  /** Rows that a page key moves. */
  readonly pageRows: () => number
  readonly focus: (place: GridPlace) => Promise<void>
  /** Makes a column wider or narrower by some pixels. */
  readonly resizeBy: (column: Column, pixels: number) => void
  /** Enter on a row. */
  readonly open: () => void
  /** A plain click on a row. */
  readonly choose: () => void
}

/** Keyboard and pointer of the library's grid; every click has its key. */
export function gridGestures(grid: GridSurroundings): {
  readonly press: (event: KeyboardEvent) => Promise<void>
  readonly click: (event: MouseEvent) => Promise<void>
} {
  const { library, table, selection, actions } = grid.app

  async function press(event: KeyboardEvent): Promise<void> {
    const place = grid.place()
    const column = grid.columns()[place.column]
    const mod = event.ctrlKey || event.metaKey
    if (place.row === -1 && event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      event.preventDefault()
      if (column && !column.quietHeading) grid.resizeBy(column, event.key === 'ArrowLeft' ? -16 : 16)
      return
    }
    const size = { rows: library.total ?? 0, columns: grid.columns().length, page: grid.pageRows() }
    const next = event.altKey ? null : gridMove(place, event.key, mod, size)
    if (next) {
      event.preventDefault()
      if (event.shiftKey && next.row !== place.row) await table.extendTo(next)
      else table.moveTo(next)
      await grid.focus(next)
    } else if (place.row >= 0) pressInRow(event, place.row, column)
  }

  function pressInRow(event: KeyboardEvent, index: number, column: Column | undefined): void {
    if (event.key === ' ' && !event.ctrlKey && !event.metaKey) table.toggle(index)
    else if (event.key === 'Enter') enter(index, column)
    else if (event.key === 'Escape' && selection.count > 0) selection.clear()
    else return
    event.preventDefault()
  }

  function enter(index: number, column: Column | undefined): void {
    const row = library.row(index)
    if (row && column?.id === 'favourite') void actions.setFavourite([row.id], !row.favourite)
    else grid.open()
  }

  async function click(event: MouseEvent): Promise<void> {
    const place = placeOf(event.target)?.place
    const row = place && place.row >= 0 ? library.row(place.row) : undefined
    if (!place || !row) return
    const id = grid.columns()[place.column]?.id
    const mod = event.ctrlKey || event.metaKey
    if (event.shiftKey) await table.extendTo(place)
    else {
      table.moveTo(place)
      if (id === 'select' || mod) table.toggle(place.row)
      if (id === 'favourite') void actions.setFavourite([row.id], !row.favourite)
    }
    await grid.focus(place)
    if (id !== 'select' && id !== 'favourite' && !event.shiftKey && !mod) grid.choose()
  }

  return { press, click }
}
