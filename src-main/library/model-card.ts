/** What a model card's front matter says; the card is only ever read as text. */
export interface ModelCard {
  readonly licence: string | null
  readonly baseModelName: string | null
}

/** How much of README.md is read, in bytes; front matter stands first. */
export const maxCardBytes = 32_768
const maxValueLength = 200

/** Licence and base model from the YAML front matter of `text`: plain values, or the first item of a list. */
export function parseModelCard(text: string): ModelCard {
  const matter = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1]
  if (matter === undefined) return { licence: null, baseModelName: null }
  const lines = matter.split(/\r?\n/)
  return { licence: valueOf(lines, 'license') ?? valueOf(lines, 'licence'), baseModelName: valueOf(lines, 'base_model') }
}

function valueOf(lines: readonly string[], key: string): string | null {
  const index = lines.findIndex((line) => line.startsWith(`${key}:`))
  if (index < 0) return null
  const given = lines[index]!.slice(key.length + 1).trim()
  const item = /^\s*-\s+(.*)$/.exec(lines[index + 1] ?? '')?.[1]
  const text = given === '' ? item : given.replace(/^\[\s*([^,\]]*).*$/, '$1')
  const plain = text?.trim().replace(/^(["'])(.*)\1$/, '$2')
  return plain === undefined || plain === '' || plain === 'null' ? null : plain.slice(0, maxValueLength)
}
