import type Database from 'better-sqlite3'
import { facetIds, type Facet, type Facets, type LibraryQuery } from '../contract/library-query.ts'
import { comparedPairs, watchChanges } from './catalogue-changes.ts'
import { createRowLoader, foldCase, type CatalogueRow, type OwnFacet } from './catalogue-rows.ts'
import { countFacets } from './facets.ts'
import { createListColumn, type ListColumn } from './list-column.ts'
import { createTextColumn } from './text-column.ts'
import { createRowMarks } from './mark-rows.ts'
import { matchesFilter, matchesText } from './match-rows.ts'
import { createRowOrders, placesOf } from './sort-rows.ts'

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
  const collections = db.prepare<[], { id: string; name: string }>('SELECT CAST(collection_id AS TEXT) AS id, name FROM collections')
  /** Rows by their places, and places by seq. */
  const rows: (CatalogueRow | undefined)[] = []
  const places = new Map<number, number>()
  const free: number[] = []
  const columns = Object.fromEntries(
    facetIds.map((facet) => [facet, facet === 'tag' ? createListColumn(foldCase) : createListColumn()]),
  ) as Readonly<Record<Facet, ListColumn>>
  const texts = createTextColumn()
  const marks = createRowMarks(db)
  const orders = createRowOrders()
  const results = new Map<string, readonly CatalogueRow[]>()

  function put(seq: number, row: CatalogueRow | undefined): void {
    const known = places.get(seq)
    if (known === undefined && !row) return
    const place = known ?? free.pop() ?? rows.length
    const before = rows[place]
    marks.changed(before, row)
    orders.changed(before, row)
    rows[place] = row
    texts.put(place, row?.text ?? null)
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
    for (const seq of seqs) {
      if (seq === comparedPairs) marks.pairsChanged()
      else put(seq, loaded.get(seq))
    }
    results.clear()
    return seqs.length === loadedAtOnce
  }

  function loadAll(): void {
    while (loadSome());
  }

  function mark(): void {
    marks.tell((row, list) => columns.is.put(places.get(row.seq)!, list))
  }

  return {
    loadSome,
    find({ text, filters, sort }) {
      loadAll()
      const key = JSON.stringify([text, filters, sort.column, sort.descending])
      const known = results.get(key)
      if (known) return known
      if (filters.some(({ facet }) => facet === 'is')) mark()
      const tests = filters.map((filter) => matchesFilter(filter, columns[filter.facet]))
      const fits = [...tests, ...matchesText(text, texts)]
      const found = placesOf(orders.by(sort.column, rows), sort.descending, fits).map((place) => rows[place]!)
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
