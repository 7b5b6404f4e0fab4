import { problemTitles, type Problem } from '../contract/problems.ts'

/** Rows as lines with aligned columns; the last column is not padded. Columns named in `right` are aligned to the right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** A problem as a person reads it on a terminal: what, where, what is allowed, what to do. */
export function formatProblem(problem: Problem): readonly string[] {
  const { code, severity, message, where, allowed, hint } = problem
  const place = [where?.path, where?.tensor, where?.field, where?.value === undefined ? undefined : `value ${where.value}`].filter(Boolean)
  // A hint usually names what is allowed in better words.
  const more = hint ?? (allowed && allowed.length > 0 ? `Allowed: ${allowed.join(', ')}.` : undefined)
  return [
    `${severity}: ${problemTitles[code]} (${code}): ${message}`,
    ...(place.length > 0 ? [`  at ${place.join(', ')}`] : []),
    ...(more === undefined ? [] : [`  ${more}`]),
  ]
}

/** A size for people: 1.5 MB. Steps of 1000, as disks are sold and files are listed. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`
}

/** A number with four significant digits, without needless zeros. */
export function formatNumber(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(4)))
}
