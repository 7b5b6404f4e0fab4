/** A place in a grid; row -1 is the header. */
export interface GridPlace {
  readonly row: number
  readonly column: number
}

export interface GridSize {
  readonly rows: number
  readonly columns: number
  /** Rows that a page key moves. */
  readonly page: number
}

/** Where a navigation key leads from a place, or null when the key does not navigate (ARIA grid pattern: Home and End within the row). */
export function gridMove(place: GridPlace, key: string, ctrl: boolean, size: GridSize): GridPlace | null {
  const lastRow = size.rows - 1
  const lastColumn = size.columns - 1
  const row = (wanted: number, least: number): GridPlace => ({ ...place, row: Math.max(least, Math.min(lastRow, wanted)) })
  const column = (wanted: number): GridPlace => ({ ...place, column: Math.max(0, Math.min(lastColumn, wanted)) })
  switch (key) {
    case 'ArrowDown':
      return row(place.row + 1, -1)
    case 'ArrowUp':
      return row(place.row - 1, -1)
    case 'ArrowRight':
      return column(place.column + 1)
    case 'ArrowLeft':
      return column(place.column - 1)
    case 'PageDown':
      return row(place.row + size.page, Math.min(0, lastRow))
    case 'PageUp':
      return row(place.row - size.page, Math.min(0, lastRow))
    case 'Home':
      return ctrl ? { row: Math.min(0, lastRow), column: 0 } : column(0)
    case 'End':
      return ctrl ? { row: lastRow, column: lastColumn } : column(lastColumn)
    default:
      return null
  }
}

/** A place moved inside a grid that has shrunk. */
export function insideGrid(place: GridPlace, rows: number, columns: number): GridPlace {
  return { row: Math.max(-1, Math.min(place.row, rows - 1)), column: Math.max(0, Math.min(place.column, columns - 1)) }
}
