import { screens, type ScreenId } from '../../src-main/contract/adapter.ts'
import { problemTitles, isProblemCode } from '../../src-main/contract/problems.ts'
import type { ImportReport } from '../../src-main/contract/import-report.ts'
import { formatCount } from './numbers.ts'
import { plural } from './words.ts'

type Counts = ImportReport['counts']

/** Result of an import: "11 imported, 1 already in the library, 7 refused"; what is zero is left out. */
export function importResultWords(counts: Counts): string {
  const parts = [
    counts.imported > 0 ? `${formatCount(counts.imported)} imported` : '',
    counts.duplicate > 0 ? `${formatCount(counts.duplicate)} already in the library` : '',
    counts.refused > 0 ? `${formatCount(counts.refused)} refused` : '',
    counts.pending > 0 ? `${formatCount(counts.pending)} still being checked` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'nothing was found' : parts.join(', ')
}

/** Reasons of refusals, the most frequent first, each with its heading. */
export function importReasons(counts: Counts): readonly { readonly code: string; readonly title: string; readonly count: number }[] {
  return Object.entries(counts.byReason)
    .map(([code, count]) => ({ code, title: isProblemCode(code) ? problemTitles[code] : code, count }))
    .sort((left, right) => right.count - left.count || left.title.localeCompare(right.title))
}

/** What each stage does, as the progress line says it. */
export const importStageWords = {
  scanning: 'Looking for adapters',
  listing: 'Reading headers',
  checking: 'Checking values and hashes',
  done: 'Import finished',
} as const

/** The stages of a search for missing files, which runs as an import does. */
export const relinkStageWords = {
  scanning: 'Looking through the folder',
  listing: 'Reading headers',
  checking: 'Comparing contents with missing adapters',
  done: 'Search finished',
} as const

/** How many of the imported adapters each screen of the recycling study would have left out, the most frequent first; empty when none. */
export function importScreenWords(counts: Counts): string {
  return Object.entries(counts.byScreen)
    .filter(([, count]) => count > 0)
    .sort((left, right) => right[1] - left[1])
    .map(([id, count]) => `${formatCount(count)} not “${Object.hasOwn(screens, id) ? screens[id as ScreenId].replace(/\.$/, '') : id}”`)
    .join(', ')
}

/** Result of a search for missing files: "3 adapters found again". A file that was found counts as one that is in the library already. */
export function relinkResultWords(counts: Counts): string {
  const found = counts.imported + counts.duplicate
  return found === 0 ? 'no missing file was found' : `${plural(found, 'adapter')} found again`
}
