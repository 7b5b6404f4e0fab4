import type { CatalogueRow, SortColumn } from './catalogue-rows.ts'

/** A row and where it is held. */
export interface PlacedRow {
  readonly row: CatalogueRow
  readonly place: number
}

/** Places in one ascending order: those with a value first, and in each part the earlier adapter first among equals. */
export interface RowOrder {
  readonly valued: readonly number[]
  readonly empty: readonly number[]
}

/** Sorts rows by a column. Rows that are nearly in order already (an order of before with some rows changed) take one pass. */
export function sortRows(rows: Iterable<PlacedRow>, column: SortColumn): RowOrder {
  const valued: { readonly key: string | number; readonly seq: number; readonly place: number }[] = []
  const empty: { readonly seq: number; readonly place: number }[] = []
  for (const { row, place } of rows) {
    const key = row.keys[column]
    if (key === null) empty.push({ seq: row.seq, place })
    else valued.push({ key, seq: row.seq, place })
  }
  valued.sort((left, right) => (left.key === right.key ? left.seq - right.seq : left.key < right.key ? -1 : 1))
  empty.sort((left, right) => left.seq - right.seq)
  return { valued: valued.map(({ place }) => place), empty: empty.map(({ place }) => place) }
}

/** The places of an order that fit, in either direction; those without a value stand last in both. */
export function placesOf({ valued, empty }: RowOrder, descending: boolean, fits: readonly ((place: number) => boolean)[]): number[] {
  const places: number[] = []
  for (const part of [valued, empty]) {
    for (let index = 0; index < part.length; index++) {
      const place = part[descending ? part.length - 1 - index : index]!
      if (isFit(place, fits)) places.push(place)
    }
  }
  return places
}

function isFit(place: number, fits: readonly ((place: number) => boolean)[]): boolean {
  for (const test of fits) if (!test(place)) return false
  return true
}
