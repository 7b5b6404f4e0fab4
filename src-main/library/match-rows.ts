import type { LibraryFilter } from '../contract/library-query.ts'
import { foldText } from './catalogue-rows.ts'
import type { ListColumn } from './list-column.ts'
import type { TextColumn } from './text-column.ts'

/** Whether the adapter at a place fits. */
export type Matches = (place: number) => boolean

/** The longest search text that is looked at, and the most words in it. */
const maxTextLength = 500
const maxWords = 16

/** Adapters whose values of one facet pass a filter. */
export function matchesFilter({ mode, values }: LibraryFilter, column: ListColumn): Matches {
  const fits = column.judge(mode, values)
  const numbers = column.numbers()
  return (place) => fits[numbers[place]!] === 1
}

/** Adapters whose text holds every word of what was typed. */
export function matchesText(typed: string, texts: TextColumn): readonly Matches[] {
  return wordsOf(typed).map((word) => {
    const holding = texts.holding(word)
    return (place) => holding[place] === 1
  })
}

function wordsOf(text: string): readonly string[] {
  return foldText(text.slice(0, maxTextLength)).split(/[\s\0]+/).filter((word) => word !== '').slice(0, maxWords) // prettier-ignore
}
