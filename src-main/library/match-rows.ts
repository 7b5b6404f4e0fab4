import type { Facet, LibraryFilter } from '../contract/library-query.ts'
import { foldCase, foldText } from './catalogue-rows.ts'
import type { ListColumn } from './list-column.ts'

/** Whether the adapter at a place fits. */
export type Matches = (place: number) => boolean

/** The longest search text that is looked at, and the most words in it. */
const maxTextLength = 500
const maxWords = 16

/** Adapters whose values of one facet pass a filter. */
export function matchesFilter({ facet, mode, values }: LibraryFilter, column: ListColumn): Matches {
  const fold = foldOf(facet)
  const asked = new Set(values.map(fold))
  // Having nothing is what "" stands for.
  const hasOne = (held: readonly string[]): boolean => (held.length === 0 ? asked.has('') : held.some((value) => asked.has(fold(value))))
  const hasAll = (held: readonly string[]): boolean => {
    if (held.length === 0) return asked.size === 1 && asked.has('')
    const has = new Set(held.map(fold))
    return [...asked].every((value) => has.has(value))
  }
  const fits = column.judge(mode === 'all' ? hasAll : mode === 'any' ? hasOne : (held) => !hasOne(held))
  const numbers = column.numbers()
  return (place) => fits[numbers[place]!] === 1
}

/** Adapters whose text holds every word of what was typed. */
export function matchesText(typed: string, textAt: (place: number) => string): readonly Matches[] {
  return wordsOf(typed).map((word) => (place) => textAt(place).includes(word))
}

/** Tags are one and the same in any letter case; each spelling is folded once. */
function foldOf(facet: Facet): (value: string) => string {
  if (facet !== 'tag') return (value) => value
  const known = new Map<string, string>()
  return (value) => {
    const folded = known.get(value) ?? foldCase(value)
    known.set(value, folded)
    return folded
  }
}

function wordsOf(text: string): readonly string[] {
  return foldText(text.slice(0, maxTextLength)).split(/[\s\0]+/).filter((word) => word !== '').slice(0, maxWords) // prettier-ignore
}
