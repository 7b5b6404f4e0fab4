import type { Facet, Facets, LibraryFilter, LibraryQueryInput } from '../../src-main/contract/library-query.ts'

/** What narrows and orders the table: a library query without its window. Filters may be without values while they are being made. */
export interface TableQuery {
  readonly text: string
  readonly filters: readonly LibraryFilter[]
  readonly sort: NonNullable<LibraryQueryInput['sort']>
}

/** The query of a library that nothing narrows. */
export const plainQuery: TableQuery = { text: '', filters: [], sort: { column: 'name', descending: false } }

/** The filters with the one at `place` replaced; null takes it away, and a place behind the last adds it. */
export function withFilter(filters: readonly LibraryFilter[], place: number, filter: LibraryFilter | null): readonly LibraryFilter[] {
  if (filter === null) return filters.filter((_, other) => other !== place)
  return place >= filters.length ? [...filters, filter] : filters.map((other, index) => (index === place ? filter : other))
}

/** The filters that say something: those with values. */
export function sayingFilters(filters: readonly LibraryFilter[]): LibraryFilter[] {
  return filters.filter((filter) => filter.values.length > 0)
}

/** The query as it is sent: without filters that have no values yet. */
export function sentQuery(query: TableQuery): LibraryQueryInput & { filters: LibraryFilter[] } {
  return { text: query.text, filters: sayingFilters(query.filters), sort: query.sort }
}

/** True when two queries ask for the same rows in the same order. */
export function sameQuestion(left: TableQuery, right: TableQuery): boolean {
  return JSON.stringify(sentQuery(left)) === JSON.stringify(sentQuery(right))
}

/** True when anything but the order narrows the table. */
export function isNarrowed(query: TableQuery): boolean {
  return query.text.trim() !== '' || sayingFilters(query.filters).length > 0
}

/** Where the filter stands that shows exactly the adapters with one value of a facet, or -1. */
export function placeOfValue(filters: readonly LibraryFilter[], facet: Facet, value: string): number {
  return filters.findIndex(
    (filter) => filter.facet === facet && filter.mode !== 'none' && filter.values.length === 1 && filter.values[0] === value,
  )
}

/** The tags in use, by how often; adapters without any are counted by the host under an empty one. */
export function tagsInUse(counts: Facets | null): readonly string[] {
  return (counts?.counts.tag ?? []).map(({ value }) => value).filter((tag) => tag !== '')
}
