/** Depth at which nested lists and objects of a file from outside are refused. */
export const maxJsonDepth = 64

/**
 * JSON with sorted keys and no spaces, so that equal values give equal texts. Takes what JSON.parse returns.
 * Throws RangeError beyond maxJsonDepth.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxJsonDepth) throw new RangeError(`nested more than ${maxJsonDepth} deep`)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`).join(',')}}`
}
