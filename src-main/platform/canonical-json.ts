/** Depth at which nested lists and objects of a file from outside are refused. */
export const maxJsonDepth = 64

/**
 * JSON with sorted keys and no white space: equal values give equal text, which is what hashes are taken over.
 * Fields that are undefined are left out. Throws RangeError beyond maxJsonDepth and for numbers that are not finite.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxJsonDepth) throw new RangeError(`nested more than ${maxJsonDepth} deep`)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${value} has no canonical JSON`)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  fields.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field, depth + 1)}`).join(',')}}`
}
