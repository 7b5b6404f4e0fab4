import * as v from 'valibot'

const resultSchema = v.object({ path: v.string(), rank: v.number() })

/** The folder that an export job wrote and the rank in it, from its result; null where there is none. */
export function exportedOf(result: unknown): v.InferOutput<typeof resultSchema> | null {
  const read = v.safeParse(resultSchema, result)
  return read.success ? read.output : null
}
