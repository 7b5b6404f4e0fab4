import * as v from 'valibot'

/**
 * The JSON lines of a file that the core appends to. A last line that does not end was torn by a crash and is left out.
 * Any other line that does not fit the schema is thrown as an Error with its number; `what` names the file.
 */
export function readJsonLines<S extends v.GenericSchema>(text: string, schema: S, what: string): readonly v.InferOutput<S>[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line, index) => {
    const result = v.safeParse(schema, parsed(line))
    if (result.success) return result.output
    throw new Error(`line ${index + 1} of the ${what} is not one that the core writes: ${line.slice(0, 200)}`)
  })
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined // refused by the schema, with the line's number
  }
}
