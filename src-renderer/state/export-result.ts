import * as v from 'valibot'

const resultSchema = v.object({ path: v.string() })

/** The folder that an export job wrote, from its result; null where there is none. */
export function exportedPathOf(result: unknown): string | null {
  const read = v.safeParse(resultSchema, result)
  return read.success ? read.output.path : null
}
