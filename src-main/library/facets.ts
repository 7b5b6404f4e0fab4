import { facetIds, libraryMarks, type Facet, type Facets } from '../contract/library-query.ts'
import { foldCase } from './catalogue-rows.ts'
import type { ListColumn } from './list-column.ts'

type Count = Facets['counts'][Facet][number]

/** How many adapters have each value of each facet; `labels` are the names of collections by their ids. */
export function countFacets(total: number, columns: Readonly<Record<Facet, ListColumn>>, labels: ReadonlyMap<string, string>): Facets {
  return {
    total,
    counts: Object.fromEntries(facetIds.map((facet) => [facet, sortedCounts(facet, columns[facet].counts(), labels)])) as Facets['counts'],
  }
}

/** The most frequent first; ranks ascending, marks in their own order. */
function sortedCounts(facet: Facet, counts: ReadonlyMap<string, number>, labels: ReadonlyMap<string, string>): Count[] {
  if (facet === 'is') return libraryMarks.flatMap((value) => (counts.has(value) ? [{ value, count: counts.get(value)! }] : []))
  const counted = [...counts].map(([value, count]): Count => {
    const label = facet === 'collection' ? labels.get(value) : undefined
    return { value, count, ...(label !== undefined && { label }) }
  })
  if (facet === 'rank') return counted.sort((left, right) => Number(left.value) - Number(right.value))
  const nameOf = ({ value, label = value }: Count): string => foldCase(label)
  return counted.sort((left, right) => right.count - left.count || (nameOf(left) < nameOf(right) ? -1 : 1))
}
