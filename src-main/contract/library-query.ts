import * as v from 'valibot'
import { adapterOrigins, adapterStatuses, adapterVariants, screens } from './adapter.ts'

/** Columns the library can sort by; the identifier is what requests carry. */
export const sortColumns = ['name', 'base', 'rank', 'scaling', 'norm', 'effectiveRank', 'size', 'status', 'added'] as const

/** Properties that an adapter has or has not, as values of the facet "is". */
export const libraryMarks = ['favourite', 'warnings', 'duplicate', 'near-duplicate'] as const
export type LibraryMark = (typeof libraryMarks)[number]

/**
 * What the library can be filtered by. `values`: the only ones there can be; facets without them take any text.
 * `many`: an adapter may have several values, so that "all of" means something.
 */
export const facets = {
  status: { label: 'Status', many: false, values: adapterStatuses },
  variant: { label: 'Kind', many: false, values: Object.keys(adapterVariants) },
  origin: { label: 'Origin', many: false, values: adapterOrigins },
  baseModelName: { label: 'Base model', many: false },
  licence: { label: 'Licence', many: false },
  rank: { label: 'Rank', many: true },
  targetModule: { label: 'Target module', many: true },
  tag: { label: 'Tag', many: true },
  /** Values are the collections' ids. */
  collection: { label: 'Collection', many: true },
  /** Screens of the recycling study that the adapter fails. */
  failsScreen: { label: 'Fails screen', many: true, values: Object.keys(screens) },
  is: { label: 'Is', many: true, values: libraryMarks },
} as const satisfies Readonly<Record<string, { label: string; many: boolean; values?: readonly string[] }>>
export type Facet = keyof typeof facets
export const facetIds = Object.keys(facets) as [Facet, ...Facet[]]

/** any: at least one of the values; all: every one of them; none: not one of them. */
export const filterModes = ['any', 'all', 'none'] as const
export type FilterMode = (typeof filterModes)[number]

/** Most values of one filter. */
export const mostFilterValues = 200

export const libraryFilterSchema = v.object({
  facet: v.picklist(facetIds),
  mode: v.optional(v.picklist(filterModes), 'any'),
  /** Numbers as text; "" stands for adapters without a value (no base model, no licence). */
  values: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(mostFilterValues)),
})
export type LibraryFilter = v.InferOutput<typeof libraryFilterSchema>

export const libraryQuerySchema = v.object({
  /** Full-text search over name, base model, tags, notes, target modules and paths; every word must match somewhere (prefix or inside). */
  text: v.optional(v.string(), ''),
  /** A row must pass every filter. */
  filters: v.optional(v.pipe(v.array(libraryFilterSchema), v.maxLength(50)), []),
  sort: v.optional(v.object({ column: v.picklist(sortColumns), descending: v.boolean() }), { column: 'name', descending: false }),
  offset: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)), 200),
})
export type LibraryQuery = v.InferOutput<typeof libraryQuerySchema>
export type LibraryQueryInput = v.InferInput<typeof libraryQuerySchema>

const facetCounts = v.array(v.object({ value: v.string(), label: v.optional(v.string()), count: v.number() }))
/** How many adapters of the whole library have each value of each facet; feeds the filter chips. Counts of zero are left out. */
export const facetsSchema = v.object({
  total: v.number(),
  counts: v.object(Object.fromEntries(facetIds.map((id) => [id, facetCounts])) as Record<Facet, typeof facetCounts>),
})
export type Facets = v.InferOutput<typeof facetsSchema>
