import { parse, YAMLError } from 'yaml'

/** What a model card's front matter says. Everything is plain text: nothing of a card is ever read as HTML or followed as a link. */
export interface ModelCard {
  /** As written; several are joined, and the name and link of an "other" licence stand behind it. */
  readonly licence: string | null
  /** A hint where the config names no base model; of several the first. */
  readonly baseModelName: string | null
  /** At most 50. */
  readonly tags: readonly string[]
}

/** How much of README.md is read, in bytes; front matter stands first. */
export const maxCardBytes = 32_768
const maxValueLength = 200
const maxTags = 50

/** A card that says nothing. */
export const noCard: ModelCard = { licence: null, baseModelName: null, tags: [] }

/**
 * Licence, base model and tags from the YAML front matter of `text`. Only the lines of these fields are read as YAML, so that neither a mistake
 * elsewhere nor an alias gets in the way; a field that cannot be read tells nothing. Front matter that was cut off is read as far as it goes.
 */
export function parseModelCard(text: string): ModelCard {
  const lines = frontMatter(text)
  if (lines === null) return noCard
  const field = (key: string): readonly string[] => fieldValues(lines, key)
  return { licence: licenceOf(field), baseModelName: field('base_model')[0] ?? null, tags: field('tags').slice(0, maxTags) }
}

function licenceOf(field: (key: string) => readonly string[]): string | null {
  const given = [...field('license'), ...field('licence')]
  if (given.length === 0) return null
  const more = given.includes('other') ? [...field('license_name'), ...field('license_link')] : []
  const licence = given.join(', ')
  return (more.length > 0 ? `${licence}: ${more.join(', ')}` : licence).slice(0, maxValueLength)
}

function frontMatter(text: string): readonly string[] | null {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (lines[0]?.trimEnd() !== '---') return null
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---')
  // The last line of what was cut off may be half a line.
  return lines.slice(1, end < 0 ? -1 : end)
}

/** The texts of a top-level field: its value, or the items of its list. Empty where it is missing or cannot be read. */
function fieldValues(lines: readonly string[], key: string): readonly string[] {
  const start = lines.findIndex((line) => line.startsWith(`${key}:`))
  if (start < 0) return []
  const length = lines.slice(start + 1).findIndex((line) => /^[^\s#-]/.test(line))
  const block = lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n')
  const value = readYaml(block, key)
  return (Array.isArray(value) ? value : [value]).flatMap((item) => (typeof item === 'string' ? shown(item) : []))
}

function readYaml(block: string, key: string): unknown {
  try {
    // Without a schema every plain value stays the text that it is: "no" and "1.0" too.
    const value: unknown = parse(block, { schema: 'failsafe', maxAliasCount: 0, logLevel: 'error', uniqueKeys: false })
    return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : null
  } catch (error) {
    if (error instanceof YAMLError || error instanceof ReferenceError) return null
    throw error
  }
}

/** A value as one short line; nothing and "null" are no value. */
function shown(text: string): string[] {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim().slice(0, maxValueLength) // prettier-ignore
  return line === '' || line === 'null' || line === '~' ? [] : [line]
}
