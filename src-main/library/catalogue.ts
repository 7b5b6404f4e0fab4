import type Database from 'better-sqlite3'
import { facetIds, libraryMarks, type Facet, type Facets, type LibraryMark, type LibraryQuery } from '../contract/library-query.ts'
import { comparedPairs, watchChanges } from './catalogue-changes.ts'
import { createRowLoader, type CatalogueRow, type OwnFacet, type SortColumn } from './catalogue-rows.ts'
import { countFacets } from './facets.ts'
import { createListColumn, type ListColumn } from './list-column.ts'
import { matchesFilter, matchesText } from './match-rows.ts'
import { nearDuplicateCondition } from './near-duplicates.ts'
import { placesOf, sortRows, type PlacedRow, type RowOrder } from './sort-rows.ts'

type Search = Pick<LibraryQuery, 'text' | 'filters' | 'sort'>

/**
 * What searches look at, of every adapter, held in memory: filters, words and orders over twenty thousand adapters take milliseconds. The
 * tables stay the only truth; before each answer the rows that changed are loaded again.
 */
export interface Catalogue {
  /** Every adapter that fits, in order. */
  find(search: Search): readonly CatalogueRow[]
  facets(): Facets
  /** Loads some rows that are not known yet; true while there are more. For loading a large library in the background, bit by bit. */
  loadSome(): boolean
}

/** Rows loaded in one go. */
const loadedAtOnce = 500
/** Searches whose result is kept until something changes; scrolling asks for the same one again and again. */
const keptResults = 8

/** The catalogue of `db`. */
export function createCatalogue(db: Database.Database): Catalogue {
  const changes = watchChanges(db)
  const load = createRowLoader(db)
  const nearDuplicates = db.prepare<[], { seq: number }>(`SELECT a.seq FROM adapters a WHERE ${nearDuplicateCondition}`)
  const collections = db.prepare<[], { id: string; name: string }>('SELECT CAST(collection_id AS TEXT) AS id, name FROM collections')
  /** Rows by their places, and places by seq. */
  const rows: (CatalogueRow | undefined)[] = []
  const places = new Map<number, number>()
  const free: number[] = []
  const columns = Object.fromEntries(facetIds.map((facet) => [facet, createListColumn()])) as Readonly<Record<Facet, ListColumn>>
  const twins = createTwins()
  const orders = new Map<SortColumn, { order: RowOrder; stale: boolean }>()
  const results = new Map<string, readonly CatalogueRow[]>()
  /** Marks depend on the other adapters, and are worked out when they are asked for. */
  let marked = false

  function put(seq: number, row: CatalogueRow | undefined): void {
    const known = places.get(seq)
    if (known === undefined && !row) return
    const place = known ?? free.pop() ?? rows.length
    const before = rows[place]
    if (before) twins.remove(before)
    if (row) twins.add(row)
    rows[place] = row
    for (const facet of ownFacets) columns[facet].put(place, row ? row.values[facet] : null)
    if (row) {
      places.set(seq, place)
      return
    }
    columns.is.put(place, null)
    places.delete(seq)
    free.push(place)
  }

  function loadSome(): boolean {
    if (changes.elsewhere()) for (const seq of [...places.keys()]) put(seq, undefined)
    const seqs = changes.take(loadedAtOnce)
    if (seqs.length === 0) return false
    const loaded = new Map(load(seqs).map((row) => [row.seq, row]))
    for (const seq of seqs) if (seq !== comparedPairs) put(seq, loaded.get(seq))
    for (const known of orders.values()) known.stale = true
    results.clear()
    marked = false
    return seqs.length === loadedAtOnce
  }

  function loadAll(): void {
    while (loadSome());
  }

  function orderBy(column: SortColumn): RowOrder {
    const known = orders.get(column)
    if (known && !known.stale) return known.order
    const order = sortRows(known ? resumed(known.order) : placed(places.values()), column)
    orders.set(column, { order, stale: false })
    return order
  }

  function* placed(some: Iterable<number>): Generator<PlacedRow> {
    for (const place of some) {
      const row = rows[place]
      if (row) yield { row, place }
    }
  }

  /** Rows in an order of before, and behind them those that it does not know. */
  function* resumed({ valued, empty }: RowOrder): Generator<PlacedRow> {
    const known = new Set([...valued, ...empty])
    yield* placed(known)
    for (const place of places.values()) if (!known.has(place)) yield { row: rows[place]!, place }
  }

  function mark(): void {
    if (marked) return
    const near = new Set(nearDuplicates.all().map(({ seq }) => seq))
    for (const { row, place } of placed(places.values())) {
      const marks: Readonly<Record<LibraryMark, boolean>> = {
        favourite: row.favourite,
        warnings: row.warned || twins.hasEarlier(row),
        duplicate: row.places > 1 || twins.has(row),
        'near-duplicate': near.has(row.seq),
      }
      columns.is.put(place, libraryMarks.filter((id) => marks[id])) // prettier-ignore
    }
    marked = true
  }

  return {
    loadSome,
    find({ text, filters, sort }) {
      loadAll()
      const key = JSON.stringify([text, filters, sort.column, sort.descending])
      const known = results.get(key)
      if (known) return known
      if (filters.some(({ facet }) => facet === 'is')) mark()
      // Filters look at less than words do.
      const tests = filters.map((filter) => matchesFilter(filter, columns[filter.facet]))
      const fits = [...tests, ...matchesText(text, (place) => rows[place]!.text)]
      const found = placesOf(orderBy(sort.column), sort.descending, fits).map((place) => rows[place]!)
      if (results.size >= keptResults) results.delete(results.keys().next().value!)
      results.set(key, found)
      return found
    },
    facets() {
      loadAll()
      mark()
      return countFacets(places.size, columns, new Map(collections.all().map(({ id, name }) => [id, name])))
    },
  }
}

const ownFacets = facetIds.filter((facet): facet is OwnFacet => facet !== 'is')

/** Adapters with the same factors. */
function createTwins() {
  const groups = new Map<string, Set<CatalogueRow>>()
  const groupOf = ({ tensorHash }: CatalogueRow) => (tensorHash === null ? undefined : groups.get(tensorHash))
  return {
    add(row: CatalogueRow): void {
      const group = groupOf(row)
      if (group) group.add(row)
      else if (row.tensorHash !== null) groups.set(row.tensorHash, new Set([row]))
    },
    remove(row: CatalogueRow): void {
      const group = groupOf(row)
      group?.delete(row)
      if (group?.size === 0) groups.delete(row.tensorHash!)
    },
    /** True when another adapter has the same factors. */
    has: (row: CatalogueRow): boolean => (groupOf(row)?.size ?? 0) > 1,
    /** True when one that was there before, and is not refused, has them: the later one carries the remark. */
    hasEarlier(row: CatalogueRow): boolean {
      const group = groupOf(row)
      return group !== undefined && group.size > 1 && [...group].some(({ seq, refused }) => seq < row.seq && !refused)
    },
  }
}
