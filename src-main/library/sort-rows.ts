import { sortColumns } from '../contract/library-query.ts'
import type { CatalogueRow, SortColumn } from './catalogue-rows.ts'

/** Places of rows in one ascending order: those with a value first, and in each part the earlier adapter first among equals. */
export interface RowOrder {
  readonly valued: readonly number[]
  readonly empty: readonly number[]
}

/** The orders of rows, sorted when they are asked for and kept as long as nothing in them changes. */
export interface RowOrders {
  /** A row came (nothing before), went (nothing after) or changed. */
  changed(before: CatalogueRow | undefined, after: CatalogueRow | undefined): void
  /** The order of `rows`, by their places, in a column. */
  by(column: SortColumn, rows: readonly (CatalogueRow | undefined)[]): RowOrder
}

/** No order yet. */
export function createRowOrders(): RowOrders {
  const orders = new Map<SortColumn, RowOrder>()
  const stale = new Set<SortColumn>()
  return {
    changed(before, after) {
      for (const column of sortColumns) if (!before || !after || before.keys[column] !== after.keys[column]) stale.add(column)
    },
    by(column, rows) {
      const known = orders.get(column)
      if (known && !stale.has(column)) return known
      const order = sortRows(rows, known ? resumed(known, rows.length) : rows.keys(), column)
      orders.set(column, order)
      stale.delete(column)
      return order
    },
  }
}

/** Places in an order of before, and behind them those that it does not know. */
function* resumed({ valued, empty }: RowOrder, count: number): Generator<number> {
  const known = new Uint8Array(count)
  for (const part of [valued, empty])
    for (const place of part) {
      known[place] = 1
      yield place
    }
  for (let place = 0; place < count; place++) if (known[place] === 0) yield place
}

/** Sorts the rows at some places. Rows that are nearly in order already take one pass. */
function sortRows(rows: readonly (CatalogueRow | undefined)[], places: Iterable<number>, column: SortColumn): RowOrder {
  const valued: { readonly key: string | number; readonly seq: number; readonly place: number }[] = []
  const empty: { readonly seq: number; readonly place: number }[] = []
  for (const place of places) {
    const row = rows[place]
    if (!row) continue
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
