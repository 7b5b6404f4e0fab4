/** A number as a person typed it: text that is no finite number is kept, so that the recipe check can name it. */
export type TypedNumber = number | string

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** The number that `text` spells (the typographic minus is understood), or the trimmed text itself. */
export function parseTyped(text: string): TypedNumber {
  const trimmed = text.trim()
  const plain = trimmed.replace('\u2212', '-')
  if (!decimal.test(plain)) return trimmed
  const value = Number(plain)
  return Number.isFinite(value) ? value : trimmed
}

/** The value as a number, or null where the text is not one. */
export function numberOf(value: TypedNumber): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
