import { columns, type Column, type ColumnId } from './columns.ts'

type KnownColumn = Column & { readonly id: ColumnId }

/** The columns that can be shown, hidden and moved. */
export const freeColumns: readonly KnownColumn[] = columns.filter((column: Column) => column.pinned !== true)
const pinnedColumns: readonly KnownColumn[] = columns.filter((column: Column) => column.pinned === true)

/** The ids of the columns that are shown while nothing is remembered. */
export const usualColumns: readonly ColumnId[] = freeColumns.filter((column) => column.usual).map((column) => column.id)

/** Ids of the shown columns in order, without the pinned ones; what is not known any more is left out. */
export function chosenIds(remembered: string | undefined): readonly ColumnId[] {
  if (remembered === undefined) return usualColumns
  const ids = remembered.split(',').flatMap((id) => freeColumns.find((column) => column.id === id)?.id ?? [])
  return [...new Set(ids)]
}

/** The columns to draw: the pinned ones first, always, then the others in the remembered order; the usual ones while nothing is remembered. */
export function chosenColumns(remembered: string | undefined): readonly KnownColumn[] {
  const chosen = chosenIds(remembered).flatMap((id) => freeColumns.find((column) => column.id === id) ?? [])
  return [...pinnedColumns, ...chosen]
}

/** The ids with one moved `steps` places to the right (to the left when negative), as far as it goes. */
export function movedColumn(ids: readonly ColumnId[], id: ColumnId, steps: number): readonly ColumnId[] {
  const from = ids.indexOf(id)
  if (from === -1) return ids
  const rest = ids.filter((other) => other !== id)
  const to = Math.max(0, Math.min(rest.length, from + steps))
  return [...rest.slice(0, to), id, ...rest.slice(to)]
}

/** Widths as they are remembered, "name:220,base:150"; what cannot be read is left out. */
export function readWidths(remembered: string | undefined): ReadonlyMap<string, number> {
  const pairs = (remembered ?? '').split(',').map((pair) => pair.split(':'))
  return new Map(
    pairs.flatMap(([id, width]) => (id && Number.isFinite(Number(width)) && Number(width) > 0 ? [[id, Number(width)] as const] : [])),
  )
}

/** The other way round. */
export function writeWidths(widths: ReadonlyMap<string, number>): string {
  return [...widths].map(([id, width]) => `${id}:${Math.round(width)}`).join(',')
}

/** The CSS grid tracks of the columns; the name takes what is left over. */
export function trackSizes(shown: readonly Column[], widths: ReadonlyMap<string, number>): string {
  return shown
    .map((column) => {
      const width = Math.max(column.minimum, widths.get(column.id) ?? column.width)
      return column.id === 'name' && !widths.has('name') ? `minmax(${width}px, 1fr)` : `${width}px`
    })
    .join(' ')
}

/** Width of some columns together, in pixels; the name counts with its least width. */
export function widthSum(shown: readonly Column[], widths: ReadonlyMap<string, number>): number {
  return shown.reduce((sum, column) => sum + Math.max(column.minimum, widths.get(column.id) ?? column.width), 0)
}
