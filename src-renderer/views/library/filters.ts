import { adapterVariants, screens, type AdapterVariant, type ScreenId } from '../../../src-main/contract/adapter.ts'
import type { Facets } from '../../../src-main/contract/library-query.ts'
import type { LibraryFilter } from '../../state/library.svelte.ts'

/** A filter that offers the values of one facet. */
export interface FacetFilter {
  readonly id: string
  readonly label: string
  /** The values of the whole library with their counts. */
  readonly values: (facets: Facets) => readonly { readonly value: string; readonly count: number }[]
  /** The values chosen now. */
  readonly chosen: (filter: LibraryFilter) => readonly string[]
  /** The change of the filter that chooses exactly these values. */
  readonly choose: (values: readonly string[]) => Partial<LibraryFilter>
  /** How a value is written; absent: as it is. */
  readonly word?: (value: string) => string
  /** Stands under "More" until it is in use. */
  readonly rare?: boolean
  /** Only one value at a time. */
  readonly single?: boolean
}

/** A filter that is on or off. */
export interface FlagFilter {
  readonly id: 'hasWarnings' | 'duplicates' | 'favourite'
  readonly label: string
  readonly count: (facets: Facets) => number
}

const originNames: Readonly<Record<string, string>> = { imported: 'imported', merged: 'merged here', demo: 'demo pool' }

/** Every facet filter, in the order of the chips. */
export const facetFilters: readonly FacetFilter[] = [
  {
    id: 'status',
    label: 'Status',
    values: (facets) => facets.status,
    chosen: (filter) => filter.status ?? [],
    choose: (values) => ({ status: values as LibraryFilter['status'] & object }),
  },
  {
    id: 'rank',
    label: 'Rank',
    values: (facets) => facets.rank,
    chosen: (filter) => (filter.rank ?? []).map(String),
    choose: (values) => ({ rank: values.map(Number) }),
  },
  {
    id: 'base',
    label: 'Base model',
    values: (facets) => facets.baseModelName,
    chosen: (filter) => filter.baseModelName ?? [],
    choose: (values) => ({ baseModelName: [...values] }),
  },
  {
    id: 'module',
    label: 'Module',
    values: (facets) => facets.targetModule,
    chosen: (filter) => filter.targetModule ?? [],
    choose: (values) => ({ targetModule: [...values] }),
  },
  {
    id: 'tag',
    label: 'Tag',
    values: (facets) => facets.tag,
    chosen: (filter) => filter.tag ?? [],
    choose: (values) => ({ tag: [...values] }),
  },
  {
    id: 'variant',
    rare: true,
    label: 'Variant',
    values: (facets) => facets.variant,
    chosen: (filter) => filter.variant ?? [],
    choose: (values) => ({ variant: values as AdapterVariant[] }),
    word: (value) => adapterVariants[value as AdapterVariant].label,
  },
  {
    id: 'origin',
    rare: true,
    label: 'From',
    values: (facets) => facets.origin,
    chosen: (filter) => filter.origin ?? [],
    choose: (values) => ({ origin: values as LibraryFilter['origin'] & object }),
    word: (value) => originNames[value] ?? value,
  },
  {
    id: 'screen',
    rare: true,
    label: 'Fails screen',
    values: (facets) => facets.screen,
    chosen: (filter) => (filter.failsScreen === undefined ? [] : [filter.failsScreen]),
    choose: (values) => ({ failsScreen: values[0] }),
    word: (value) => screenWords(value),
    single: true,
  },
]

/** Every on-or-off filter. */
export const flagFilters: readonly FlagFilter[] = [
  { id: 'hasWarnings', label: 'Warnings', count: (facets) => facets.warnings },
  { id: 'duplicates', label: 'Same weights', count: (facets) => facets.duplicates },
  { id: 'favourite', label: 'Favourites', count: (facets) => facets.favourites },
]

/** What failing a screen means, from the screen's own sentence. */
export function screenWords(id: string): string {
  return Object.hasOwn(screens, id) ? `not: ${screens[id as ScreenId].replace(/\.$/, '')}` : id
}

/** True when anything but the order narrows the table. */
export function isNarrowed(filter: LibraryFilter): boolean {
  return (
    (filter.text ?? '') !== '' ||
    facetFilters.some((facet) => facet.chosen(filter).length > 0) ||
    flagFilters.some((flag) => filter[flag.id] === true)
  )
}
