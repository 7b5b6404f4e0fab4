import * as v from 'valibot'
import { libraryQuerySchema } from './library-query.ts'

/** A name that a person gives: a collection, a saved view, a tag. */
export const givenName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200))

/** A named set of adapters; one adapter may be in many. */
export const collectionSchema = v.object({ id: v.string(), name: v.string(), count: v.number() })
export type Collection = v.InferOutput<typeof collectionSchema>

/** A library query and the columns chosen with it, under a name. */
export const savedViewSchema = v.object({
  id: v.string(),
  name: givenName,
  query: libraryQuerySchema,
  /** Column ids of the table, in order. */
  columns: v.array(v.string()),
})
export type SavedView = v.InferOutput<typeof savedViewSchema>

/** The newest edit that can be taken back: "Tags of 12 adapters". */
export const undoableSchema = v.nullable(v.object({ id: v.string(), label: v.string(), at: v.string() }))
export type Undoable = v.InferOutput<typeof undoableSchema>
