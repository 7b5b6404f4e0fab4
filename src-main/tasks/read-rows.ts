import { errorProblem, type Problem } from '../contract/problems.ts'
import { readText } from './read-text.ts'

/** One row of a file of examples, with the place that problems name. */
export interface Row {
  /** "line 3", "row 3". */
  readonly place: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Rows, and what is wrong with others. */
export interface Rows {
  readonly rows: readonly Row[]
  readonly problems: readonly Problem[]
}

/** Largest file of examples, in bytes. */
export const maxExampleBytes = 200_000_000
/** Problems of one file that are named; the rest is counted. */
const namedProblems = 20

/** Rows of a JSONL file: one object in each line, empty lines left out. null where there is no such file. Throws as readText does. */
export function readJsonLines(path: string, maxBytes = maxExampleBytes): Rows | null {
  const text = readText(path, { maxBytes, code: 'source-not-readable' })
  return text === null ? null : parseJsonLines(text, path)
}

/** Rows of a text in JSONL. A line that is no object becomes a problem (example-not-readable) that names it. */
export function parseJsonLines(text: string, path: string): Rows {
  const rows: Row[] = []
  const problems: Problem[] = []
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return
    const place = `line ${index + 1}`
    const value = parseJson(line)
    if (isObject(value)) rows.push({ place, fields: value })
    else if (value === undefined)
      problems.push(rowProblem(path, place, 'is not JSON', 'Write one JSON object in each line, in double quotes.'))
    else problems.push(rowProblem(path, place, 'is no object', 'Write one JSON object with named fields in each line.'))
  })
  return { rows, problems: firstProblems(problems) }
}

/** The first problems of a file, and how many more there are. */
export function firstProblems(problems: readonly Problem[]): readonly Problem[] {
  const [next] = problems.slice(namedProblems)
  if (!next) return problems
  const more = problems.length - namedProblems
  return [
    ...problems.slice(0, namedProblems),
    { ...next, message: `${next.message} ${more - 1 > 0 ? `(and ${more - 1} more like it)` : ''}`.trim() },
  ]
}

/** The problem of one row. */
export function rowProblem(path: string, place: string, what: string, hint: string): Problem {
  return errorProblem('example-not-readable', `The example in ${place} ${what}.`, { where: { path, field: place }, hint })
}

/** JSON's value, undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** True for an object with named fields. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field's value as text: texts, numbers and true or false; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
