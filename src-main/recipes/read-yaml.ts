import { parseDocument } from 'yaml'

/** Longest text that is read, in characters. */
const maxCharacters = 1_000_000
/** Aliases (`*name`) that one text may expand; more is refused as an attempt to blow up memory. */
const maxAliases = 50
const tooDeep = 'it is nested too deeply'

/** What a text of YAML or JSON says, or in a few words why it cannot be read ("it is nested too deeply"). */
export function readYaml(text: string): { readonly value: unknown; readonly refusal: string | null } {
  const refused = (refusal: string) => ({ value: undefined, refusal })
  if (text.length > maxCharacters) return refused(`it is longer than ${maxCharacters} characters`)
  try {
    const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' })
    const [error] = document.errors
    if (error) return refused(error.code === 'RESOURCE_EXHAUSTION' ? tooDeep : firstLine(error))
    const value: unknown = document.toJS({ maxAliasCount: maxAliases })
    // A node that holds itself would never end; JSON.stringify is the plain test for it.
    JSON.stringify(value)
    return { value, refusal: null }
  } catch (error) {
    if (error instanceof ReferenceError) return refused('its aliases (*name) expand too often')
    if (error instanceof RangeError) return refused(tooDeep)
    if (error instanceof TypeError) return refused('a part of it contains itself')
    throw error
  }
}

function firstLine(error: Error): string {
  return (error.message.split('\n')[0] ?? error.name).replace(/[:.]$/, '')
}
