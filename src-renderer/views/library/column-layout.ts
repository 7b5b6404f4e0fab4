import { columns, type Column, type ColumnId } from './columns.ts'

/** The columns to draw: the pinned ones always, the others as remembered, in table order; the usual ones while nothing is remembered. */
export function chosenColumns(remembered: string | undefined): readonly (Column & { readonly id: ColumnId })[] {
  const chosen = remembered === undefined ? null : new Set(remembered.split(','))
  return columns.filter((column: Column) => column.pinned === true || (chosen ? chosen.has(column.id) : column.usual))
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
