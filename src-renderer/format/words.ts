import { formatCount } from './numbers.ts'

/** "1 adapter", "20,000 adapters"; give the plural where adding an s is wrong. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** "a", "a and b", "a, b and c". */
export function listWords(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? ''
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** The first `length` characters of a hash; a dash when it is not known yet. */
export function shortHash(hash: string | null, length = 12): string {
  return hash === null ? '–' : hash.slice(0, length)
}

/** A path by its last `parts` parts, "…/wild/has-nan", for a line that has no room; the whole path belongs in its tooltip. */
export function shortPath(path: string, parts = 2): string {
  const all = path.split(/[\\/]/).filter((part) => part !== '')
  return all.length <= parts + 1 ? path : `…/${all.slice(-parts).join('/')}`
}

/** The last part of a path, for a label; the whole path belongs in its tooltip. */
export function lastPart(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path
}

/** A shown shortcut in the words of aria-keyshortcuts: "Ctrl+Del" becomes "Control+Delete"; undefined when there is none. */
export function ariaKeys(shown: string | undefined): string | undefined {
  if (shown === undefined || shown === '') return undefined
  return shown
    .replace('Ctrl', 'Control')
    .replace(/\bDel$/, 'Delete')
    .replace(/\bEsc$/, 'Escape')
    .replace('⌥', 'Alt+')
    .replace('⇧', 'Shift+')
    .replace('⌘', 'Meta+')
}
