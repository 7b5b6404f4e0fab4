import { homedir } from 'node:os'

/** A path from the root of a POSIX system or a home folder, of a Windows drive or share, with at least one folder: `/a/b`, `~/a/b`, `C:\a\b`, `\\host\a`. */
const segment = String.raw`[^\s\\/'"<>|,;:()]+`
const posixPath = new RegExp(String.raw`(?<![\w.:/~\\-])(?:~|…)?/(?:${segment}/)+(${segment})?`, 'g')
const windowsPath = new RegExp(String.raw`(?:(?<!\w)[A-Za-z]:|~|…|\\\\${segment})[\\/](?:${segment}[\\/])*(${segment})?`, 'g')

/**
 * The value with every place on this machine taken out of its texts: of a path only its last part stays. `known` are paths that are sure to be one, which
 * may hold spaces.
 */
export function withoutPlaces<T>(value: T, known: readonly string[] = []): T {
  const whole = known.filter((path) => path.length > 1).toSorted((left, right) => right.length - left.length)
  return mapTexts(value, (text) => cleaned(text, whole)) as T
}

function cleaned(text: string, known: readonly string[]): string {
  const withoutKnown = known.reduce((rest, path) => withoutKnownPath(rest, path), text)
  // The name of the person often is in the path of their folder.
  return withoutKnown.replaceAll(homedir(), '~').replaceAll(posixPath, lastOf).replaceAll(windowsPath, lastOf)
}

function withoutKnownPath(text: string, path: string): string {
  return text
    .replaceAll(`${path}/`, '…/')
    .replaceAll(`${path}\\`, '…\\')
    .replaceAll(path, `…/${lastPart(path)}`)
}

function lastOf(_path: string, last: string | undefined): string {
  return last === undefined ? '…' : `…/${last}`
}

function lastPart(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? ''
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]))
}
