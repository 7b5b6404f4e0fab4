import { adapterVariants, screens, type AdapterVariant, type ScreenId } from '../../../src-main/contract/adapter.ts'
import {
  facets as facetTable,
  type Facet,
  type Facets,
  type FilterMode,
  type LibraryFilter,
  type LibraryMark,
} from '../../../src-main/contract/library-query.ts'
import { formatCount } from '../../format/numbers.ts'

/** One value that a facet offers. */
export interface FacetValue {
  readonly value: string
  readonly label: string
  /** Adapters of the whole library that have it. */
  readonly count: number
  /** What having it means, where the label does not say all; else empty. */
  readonly meaning: string
}

/** Facets that always have a chip, in the order of the bar; the others come with "Add filter". */
export const usualFacets: readonly Facet[] = ['status', 'rank', 'baseModelName', 'targetModule', 'tag', 'is']

/** How a facet is called on screen; one that is a half sentence with its value gets a noun for where it stands alone. */
export function facetLabel(facet: Facet): string {
  return facet === 'is' ? 'Marks' : facetTable[facet].label
}

const originWords: Readonly<Record<string, string>> = { imported: 'imported', merged: 'merged here', demo: 'demo pool' }
/** What stands for adapters without any value of a facet. */
const without: Readonly<Partial<Record<Facet, string>>> = {
  baseModelName: 'not named',
  licence: 'unknown',
  rank: 'no rank',
  targetModule: 'no module',
  tag: 'no tag',
  collection: 'no collection',
  failsScreen: 'no screen',
  is: 'nothing of these',
}

/** Each mark in words, with what it means. */
export const markWords: Readonly<Record<LibraryMark, { readonly label: string; readonly meaning: string }>> = {
  favourite: { label: 'favourite', meaning: 'Marked with a star.' },
  warnings: { label: 'with warnings', meaning: 'Anything was remarked about it that does not stop it from being used.' },
  duplicate: {
    label: 'duplicate',
    meaning:
      'Its factors are, value for value, those of another adapter of the library (same tensor hash); config or other tensors differ.',
  },
  'near-duplicate': {
    label: 'near duplicate',
    meaning: 'The cosine between its update and that of another adapter is 0.99 or more, among the pairs that were compared in Inspect.',
  },
}

/** A value of a facet as it is written; `label` is what the host calls it. */
export function valueWords(facet: Facet, value: string, label?: string): string {
  if (value === '') return without[facet] ?? 'none'
  if (label !== undefined) return label
  switch (facet) {
    case 'variant':
      return Object.hasOwn(adapterVariants, value) ? adapterVariants[value as AdapterVariant].label : value
    case 'origin':
      return originWords[value] ?? value
    case 'is':
      return Object.hasOwn(markWords, value) ? markWords[value as LibraryMark].label : value
    default:
      return value
  }
}

/** What a value means; empty where its name says it. */
export function valueMeaning(facet: Facet, value: string): string {
  if (facet === 'is' && Object.hasOwn(markWords, value)) return markWords[value as LibraryMark].meaning
  if (facet === 'variant' && Object.hasOwn(adapterVariants, value)) return adapterVariants[value as AdapterVariant].meaning
  if (facet === 'failsScreen' && Object.hasOwn(screens, value)) return `Not so: ${screens[value as ScreenId]}`
  return ''
}

/** The values a facet offers: those of the library, and those chosen that it does not have any more. */
export function facetValues(facet: Facet, facets: Facets | null, chosen: readonly string[]): readonly FacetValue[] {
  const known = facets?.counts[facet] ?? []
  const gone = chosen
    .filter((value) => !known.some((entry) => entry.value === value))
    .map((value) => ({ value, count: 0, label: undefined }))
  return [...known, ...gone].map(({ value, count, label }) => ({
    value,
    count,
    label: valueWords(facet, value, label),
    meaning: valueMeaning(facet, value),
  }))
}

/** What each mode asks for, with the word that stands before several values. */
export const modeWords: Readonly<Record<FilterMode, { readonly word: string; readonly meaning: string }>> = {
  any: { word: 'any of', meaning: 'Adapters with at least one of the values (or).' },
  all: { word: 'all of', meaning: 'Adapters with every one of the values (and).' },
  none: { word: 'none of', meaning: 'Adapters with not one of the values (not).' },
}

/** The modes that mean something for a facet. */
export function modesOf(facet: Facet): readonly FilterMode[] {
  return facetTable[facet].many ? ['any', 'all', 'none'] : ['any', 'none']
}

/** The word between facet and values: for one value "is" and "is not". */
export function modeWord(filter: LibraryFilter): string {
  if (filter.values.length > 1) return modeWords[filter.mode].word
  return filter.mode === 'none' ? 'is not' : 'is'
}

/** A filter as its chip says it: facet, mode word, values; more than two values are counted. */
export function filterWords(
  filter: LibraryFilter,
  values: readonly FacetValue[],
): { readonly facet: string; readonly mode: string; readonly values: string } {
  const words = filter.values.map((value) => values.find((entry) => entry.value === value)?.label ?? valueWords(filter.facet, value))
  const shown = words.length <= 2 ? words.join(', ') : `${words[0]} and ${formatCount(words.length - 1)} more`
  return { facet: filter.facet === 'is' ? '' : facetTable[filter.facet].label, mode: modeWord(filter), values: shown }
}

/** A chip of the bar: a filter that is set (`place` in the query), or an empty one that offers its facet (`place` -1). */
export interface ChipPlace {
  /** Stays the same while the filter is edited, emptied and filled again. */
  readonly key: string
  readonly facet: Facet
  readonly place: number
}

/** The chips of the bar: the usual facets first, set or not, then the other filters in their order. */
export function chipPlaces(filters: readonly LibraryFilter[], offered: (facet: Facet) => boolean): readonly ChipPlace[] {
  const seen = new Map<Facet, number>()
  const set = filters.map(({ facet }, place): ChipPlace => {
    const nth = seen.get(facet) ?? 0
    seen.set(facet, nth + 1)
    return { key: `${facet} ${nth}`, facet, place }
  })
  const usual = usualFacets.flatMap((facet) => {
    const own = set.filter((chip) => chip.facet === facet)
    return own.length > 0 || !offered(facet) ? own : [{ key: `${facet} 0`, facet, place: -1 }]
  })
  return [...usual, ...set.filter((chip) => !usualFacets.includes(chip.facet))]
}
