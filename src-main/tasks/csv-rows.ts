import { CsvError, parse } from 'csv-parse/sync'
import { errorProblem, Refusal } from '../contract/problems.ts'
import type { Rows } from './read-rows.ts'

const delimiters = [',', ';', '\t'] as const

/**
 * Rows of a CSV text whose first line names the fields; separated by comma, semicolon or tab, whichever its first line has most of. Quotes are doubled
 * inside quotes. Throws Refusal: source-not-readable, with the line.
 */
export function parseCsv(text: string, path: string): Rows {
  const records = readRecords(text, path)
  const [header, ...body] = records
  const names = (header?.record ?? []).map((name, column) => name.trim() || `column ${column + 1}`)
  const twice = names.find((name, column) => names.indexOf(name) !== column)
  if (twice !== undefined) throw refusal(path, `two columns are called "${twice}"`, 'Give every column a name of its own.')
  if (names.length < 2)
    throw refusal(
      path,
      'its first line names fewer than two fields',
      'Separate them by comma, semicolon or tab, and name them in the first line.',
    )
  const rows = body.map(({ record, line }) => ({
    place: `line ${line}`,
    fields: Object.fromEntries(names.map((name, column) => [name, record[column] ?? ''])),
  }))
  return { rows, problems: [] }
}

function readRecords(text: string, path: string): readonly { readonly record: readonly string[]; readonly line: number }[] {
  try {
    const parsed = parse(text, { bom: true, delimiter: delimiterOf(text), skip_empty_lines: true, info: true, relax_column_count: false })
    return (parsed as unknown as readonly { record: string[]; info: { lines: number } }[]).map(({ record, info }) => {
      // The parser counts the line on which a record ends; people look for the one on which it begins.
      const breaks = record.join('').split('\n').length - 1
      return { record, line: info.lines - breaks }
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw refusal(path, error.message.replace(/\.$/, ''), 'Check the quotes and the number of fields on that line.')
  }
}

/** The separator that the first line has most of, quoted parts left out. */
function delimiterOf(text: string): string {
  const [first = ''] = text
    .slice(0, 100_000)
    .replaceAll(/"(?:[^"]|"")*"/g, '')
    .split(/\r?\n/, 1)
  const count = (delimiter: string): number => first.split(delimiter).length - 1
  return delimiters.reduce<string>((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best), delimiters[0])
}

function refusal(path: string, reason: string, hint: string): Refusal {
  return new Refusal([errorProblem('source-not-readable', `The CSV file cannot be used: ${reason}.`, { where: { path }, hint })])
}
