import * as v from 'valibot'
import { problemSchema } from './problem-schema.ts'

/** Ids of what is asked for. */
export const ids = v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(20000))
/** A request that needs nothing. */
export const nothing = v.object({})
/** Why something was not done; empty when it was. */
export const outcome = v.object({ problems: v.array(problemSchema) })
/** The job that was started. */
export const started = v.object({ jobId: v.nullable(v.string()), problems: v.array(problemSchema) })
/** A recipe draft crosses as unknown: resolveRecipe is the one place that checks it and answers with problems. */
export const draft = v.unknown()
/** What was made. */
export const made = v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) })
/** A part of a long list. */
export const page = {
  offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
  limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)),
}
