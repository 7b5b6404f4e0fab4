import * as v from 'valibot'
import { adapterOrigins, adapterStatuses, adapterVariants, type AdapterVariant } from './adapter.ts'

/** Columns the library can sort by; the identifier is what requests carry. */
export const sortColumns = ['name', 'base', 'rank', 'scaling', 'norm', 'size', 'status', 'added'] as const

export const libraryQuerySchema = v.object({
  /** Full-text search over name, base model, tags, notes, target modules and paths; every word must match somewhere (prefix or inside). */
  text: v.optional(v.string(), ''),
  /** A row must match one of the values of every given facet. */
  status: v.optional(v.array(v.picklist(adapterStatuses)), []),
  variant: v.optional(v.array(v.picklist(Object.keys(adapterVariants) as [AdapterVariant, ...AdapterVariant[]])), []),
  origin: v.optional(v.array(v.picklist(adapterOrigins)), []),
  baseModelName: v.optional(v.array(v.string()), []),
  rank: v.optional(v.array(v.number()), []),
  tag: v.optional(v.array(v.string()), []),
  targetModule: v.optional(v.array(v.string()), []),
  favourite: v.optional(v.boolean(), false),
  hasWarnings: v.optional(v.boolean(), false),
  /** Only adapters whose weights stand more than once in the library. */
  duplicates: v.optional(v.boolean(), false),
  /** Only adapters that fail this screen. */
  failsScreen: v.optional(v.string()),
  sort: v.optional(v.object({ column: v.picklist(sortColumns), descending: v.boolean() }), { column: 'name', descending: false }),
  offset: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)), 200),
})
export type LibraryQuery = v.InferOutput<typeof libraryQuerySchema>
export type LibraryQueryInput = v.InferInput<typeof libraryQuerySchema>

const facet = v.array(v.object({ value: v.string(), count: v.number() }))
/** How many adapters of the whole library have each value; feeds the filter chips. */
export const facetsSchema = v.object({
  status: facet,
  variant: facet,
  origin: facet,
  baseModelName: facet,
  rank: facet,
  tag: facet,
  targetModule: facet,
  screen: facet,
  total: v.number(),
  warnings: v.number(),
  duplicates: v.number(),
  favourites: v.number(),
})
export type Facets = v.InferOutput<typeof facetsSchema>
