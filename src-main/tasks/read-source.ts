import { extname } from 'node:path'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { sourceFormats } from '../contract/task.ts'
import { conversationField, conversationRow } from './chat-rows.ts'
import { parseCsv } from './csv-rows.ts'
import { firstProblems, isObject, maxExampleBytes, parseJson, parseJsonLines, textOf, type Row, type Rows } from './read-rows.ts'
import { readText } from './read-text.ts'

/** Forms of files that examples come in. */
export type SourceFormat = (typeof sourceFormats)[number]

/** One row of a file of examples, every field as text; a field that a row lacks is empty. */
export interface SourceRow {
  readonly place: string
  readonly fields: Readonly<Record<string, string>>
}

/** A file of examples. */
export interface Source {
  readonly path: string
  readonly format: SourceFormat
  /** Names of the fields, in the order in which they occur. */
  readonly fields: readonly string[]
  readonly rows: readonly SourceRow[]
  /** Rows that cannot be read (example-not-readable). */
  readonly problems: readonly Problem[]
}

/** Most fields of a file. */
const maxFields = 500

/** Reads a file of examples; `maxBytes` bounds its size. Throws Refusal: source-not-readable, file-too-large. */
export function readSource(path: string, maxBytes = maxExampleBytes): Source {
  const text = readText(path, { maxBytes, code: 'source-not-readable' })
  if (text === null) throw refusal(path, 'it does not exist', 'Check its name.')
  if (text.trim() === '') throw refusal(path, 'it is empty', 'Choose a file with examples.')
  const { format, rows, problems } = rowsOf(text, path)
  const plain = plainRows(rows, format, path)
  const found = [...problems, ...plain.problems]
  if (plain.rows.length === 0) throw found.length > 0 ? new Refusal(found) : refusal(path, 'it has no rows', 'Choose a file with examples.')
  const fields = fieldsOf(plain.rows)
  if (fields.length > maxFields) throw refusal(path, `it has ${fields.length} fields`, `At most ${maxFields} are read.`)
  return {
    path,
    format,
    fields,
    rows: plain.rows.map(({ place, fields: given }) => ({
      place,
      fields: Object.fromEntries(fields.map((name) => [name, shownText(Object.hasOwn(given, name) ? given[name] : undefined)])),
    })),
    problems: firstProblems(found),
  }
}

function rowsOf(text: string, path: string): Rows & { readonly format: SourceFormat } {
  const start = text.trimStart().charAt(0)
  const ending = extname(path).toLowerCase()
  const isTable = ['.csv', '.tsv'].includes(ending) || (start !== '{' && start !== '[')
  if (isTable) return { ...parseCsv(text, path), format: 'csv' }
  const whole = start === '[' || ending === '.json' ? parseJson(text) : undefined
  const read = whole === undefined ? linesOf(text, path, start) : { ...listRows(whole, path), format: 'json' as const }
  const [first] = read.rows
  if (!first) return read
  if (conversationField(first.fields) !== undefined) return { ...read, format: 'chat' }
  return { ...read, format: 'instruction' in first.fields && 'output' in first.fields ? 'alpaca' : read.format }
}

function linesOf(text: string, path: string, start: string): Rows & { readonly format: SourceFormat } {
  const lines = parseJsonLines(text, path)
  if (start === '[' && lines.rows.length === 0)
    throw refusal(path, 'it begins like a JSON list but is no JSON', 'Look for a missing comma or bracket.')
  return { ...lines, format: 'jsonl' }
}

/** Rows of a JSON document: a list of objects, or an object in which one field holds such a list. */
function listRows(value: unknown, path: string): Rows {
  const lists = isObject(value) ? Object.values(value).filter((field) => Array.isArray(field) && field.some(isObject)) : []
  const list: unknown = Array.isArray(value) ? value : lists.length === 1 ? lists[0] : isObject(value) ? [value] : undefined
  if (!Array.isArray(list)) throw refusal(path, 'it holds no list of examples', 'A list of objects is expected.')
  const rows = list.flatMap((entry: unknown, index): Row[] => (isObject(entry) ? [{ place: `row ${index + 1}`, fields: entry }] : []))
  const others = list.length - rows.length
  return {
    rows,
    problems:
      others === 0 ? [] : [errorProblem('example-not-readable', `${others} entries of the list are no objects.`, { where: { path } })],
  }
}

function plainRows(rows: readonly Row[], format: SourceFormat, path: string): Rows {
  if (format !== 'chat') return { rows, problems: [] }
  const read = rows.map((row) => conversationRow(row, path))
  return { rows: read.filter((row): row is Row => 'place' in row), problems: read.filter((row): row is Problem => 'code' in row) }
}

function fieldsOf(rows: readonly Row[]): readonly string[] {
  const names = new Set<string>()
  for (const row of rows) for (const name of Object.keys(row.fields)) names.add(name)
  // An object's own prototype cannot be a field.
  names.delete('__proto__')
  return [...names]
}

/** Lists and objects in a field are shown as JSON. */
function shownText(value: unknown): string {
  return textOf(value) ?? (value === undefined || value === null ? '' : JSON.stringify(value))
}

function refusal(path: string, reason: string, hint: string): Refusal {
  return new Refusal([errorProblem('source-not-readable', `The file of examples cannot be used: ${reason}.`, { where: { path }, hint })])
}
