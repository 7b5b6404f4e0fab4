import * as v from 'valibot'
import { metricOf } from '../contract/metrics.ts'
import { errorProblem, hasError, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { defaultNewTokens, splits, taskMappingSchema, type Split, type TaskFile, type TaskMapping } from '../contract/task.ts'
import type { ExamplesBySplit } from './check-examples.ts'
import { dealSplits } from './deal-splits.ts'
import { ownIdOf, withIds, type RawExample } from './example-ids.ts'
import { alikeLabels, areLabels, labelTable, renamed, type Label } from './label-names.ts'
import { numbered } from './read-task.ts'
import type { Source, SourceRow } from './read-source.ts'

/** What a mapping makes of a file. */
export interface ImportedTask {
  /** null when a problem blocks. */
  readonly file: TaskFile | null
  readonly examples: ExamplesBySplit
  readonly labels: readonly Label[]
  /** mapping-invalid, instructions-differ, split-empty; as warnings answer-empty, example-not-readable, labels-alike. */
  readonly problems: readonly Problem[]
}

/** Places that a problem names; the rest is counted. */
const namedPlaces = 10

const nothing: ExamplesBySplit = { train: [], validation: [], test: [] }

/** A mapping as a window or a person wrote it, checked; problems (mapping-invalid) name the fields. */
export function parseMapping(draft: unknown): TaskMapping | readonly Problem[] {
  const parsed = v.safeParse(taskMappingSchema, draft)
  if (parsed.success) return parsed.output
  return parsed.issues.map((issue) =>
    invalid(v.getDotPath(issue) ?? 'mapping', issue.input, issue.message, `Expected ${issue.expected ?? 'another value'}.`),
  )
}

/** Makes a task of a file of examples. The order of the rows does not matter to how they are dealt out. */
export function importTask(mapping: TaskMapping, source: Source): ImportedTask {
  const refused = fieldProblems(mapping, source)
  if (refused.length > 0) return { file: null, examples: nothing, labels: [], problems: refused }
  const kept = usableRows(mapping, source)
  const answers = kept.rows.map((row) => row.fields[mapping.target] ?? '')
  const names = mapping.answer === 'long' ? {} : mapping.labelNames
  const labels = mapping.answer === 'long' ? [] : labelTable(answers, names)
  const raw = kept.rows.map((row, index) => ({ row, example: rawExample(row, mapping, renamed(answers[index] ?? '', names)) }))
  const { examples, problems: dealt } = dealRows(
    mapping,
    raw,
    ownIdsFit(
      mapping,
      raw.map(({ example }) => example),
    ),
  )
  const instruction = instructionOf(mapping, kept.rows)
  const found = labelsOf(mapping, labels, answers.length)
  const problems = [...source.problems, ...kept.problems, ...instruction.problems, ...found.problems, ...alikeProblems(labels), ...dealt]
  if (hasError(problems)) return { file: null, examples, labels, problems }
  const { id, title, inputs, target, answer, metric, maxNewTokens, split } = mapping
  const file: TaskFile = {
    id,
    version: 1,
    title: title.trim() || id,
    instruction: instruction.text,
    inputs: [...inputs],
    target,
    answer,
    ...(found.labels && { labels: [...found.labels] }),
    metric,
    maxNewTokens: maxNewTokens ?? defaultNewTokens[answer],
    split: { seed: split.seed },
    source: `imported from ${fileName(source.path)} (${source.format}, ${source.rows.length} rows)`,
  }
  return { file, examples, labels, problems }
}

/** The split that a word in a file means, undefined for another word. */
export function splitOfName(word: string): Split | undefined {
  const names: Readonly<Record<Split, readonly string[]>> = {
    train: ['train', 'training'],
    validation: ['validation', 'valid', 'val', 'dev', 'development', 'eval'],
    test: ['test', 'testing'],
  }
  return splits.find((split) => names[split].includes(word.trim().toLowerCase()))
}

function fieldProblems(mapping: TaskMapping, source: Source): readonly Problem[] {
  const { inputs, target, systemField, split, metric, answer } = mapping
  const named: readonly (readonly [string, string | null])[] = [
    ...inputs.map((name) => ['inputs', name] as const),
    ['target', target],
    ['systemField', systemField],
    ['split.field', split.field],
  ]
  const unknown = named.flatMap(([field, name]) =>
    name === null || source.fields.includes(name)
      ? []
      : [invalid(field, name, 'The file has no such field.', didYouMean(name, source.fields))],
  )
  const used = [...inputs, target, ...(systemField === null ? [] : [systemField])]
  const twice = used.find((name, index) => used.indexOf(name) !== index)
  return [
    ...unknown,
    ...(twice === undefined ? [] : [invalid('inputs', twice, 'The field is used twice.', 'Use it as instruction, input or answer, once.')]),
    ...(answer === 'long' && metricOf(metric).asks === 'choices'
      ? [invalid('metric', metric, 'Long answers are no choice among labels.', 'Choose another metric, or the answer kind "choice".')]
      : []),
  ]
}

/** Rows with an input and an answer; others are left out, and it is said. */
function usableRows(mapping: TaskMapping, source: Source): { readonly rows: readonly SourceRow[]; readonly problems: readonly Problem[] } {
  const isEmpty = (row: SourceRow, name: string): boolean => (row.fields[name] ?? '').trim() === ''
  const [noAnswer, answered] = partition(source.rows, (row) => isEmpty(row, mapping.target))
  const [noInput, rows] = partition(answered, (row) => mapping.inputs.every((name) => isEmpty(row, name)))
  const say = (code: 'answer-empty' | 'example-not-readable', found: readonly SourceRow[], what: string): Problem[] =>
    found.length === 0
      ? []
      : [
          warningProblem(code, `${countOf(found.length)} left out, for want of ${what}: ${placesOf(found)}.`, {
            where: { path: source.path },
          }),
        ]
  const none = errorProblem('split-empty', 'No row has both an input and an answer.', {
    where: { path: source.path },
    hint: 'Choose other fields, or another file.',
  })
  return {
    rows,
    problems: [
      ...say('answer-empty', noAnswer, 'an answer'),
      ...say('example-not-readable', noInput, 'an input'),
      ...(rows.length === 0 ? [none] : []),
    ],
  }
}

function rawExample(row: SourceRow, mapping: TaskMapping, answer: string): RawExample {
  const inputs = Object.fromEntries(mapping.inputs.map((name) => [name, row.fields[name] ?? '']))
  return { ownId: ownIdOf(row.fields['id']), inputs, answer }
}

/** Rows' own ids are used when every row has one and no two are the same, and "id" is not one of the mapped fields. */
function ownIdsFit(mapping: TaskMapping, examples: readonly RawExample[]): boolean {
  const ids = new Set(examples.map(({ ownId }) => ownId))
  return !mapping.inputs.includes('id') && mapping.target !== 'id' && !ids.has(null) && ids.size === examples.length
}

function dealRows(
  mapping: TaskMapping,
  raw: readonly { readonly row: SourceRow; readonly example: RawExample }[],
  ownIds: boolean,
): { readonly examples: ExamplesBySplit; readonly problems: readonly Problem[] } {
  const { seed, field, ...sizes } = mapping.split
  const examples = raw.map(({ row, example }) => ({ row, example: ownIds ? example : { ...example, ownId: null } }))
  if (field === null) {
    const dealt = dealSplits(withIds(examples.map(({ example }) => example)), seed, sizes)
    return { examples: dealt, problems: [] }
  }
  const wordOf = (row: SourceRow): string => row.fields[field] ?? ''
  const strangers = [...new Set(examples.map(({ row }) => wordOf(row)).filter((word) => splitOfName(word) === undefined))]
  const of = (split: Split) => examples.filter(({ row }) => splitOfName(wordOf(row)) === split).map(({ example }) => example)
  const words = strangers.slice(0, namedPlaces).map(shownValue).join(', ')
  return {
    examples: numbered(of('train'), of('validation'), of('test')),
    problems:
      strangers.length === 0
        ? []
        : [
            invalid(
              'split.field',
              field,
              `The field holds ${words}.`,
              'It must say train, validation (or dev) or test in every row, or deal the rows out by seed.',
            ),
          ],
  }
}

function instructionOf(mapping: TaskMapping, rows: readonly SourceRow[]): { readonly text: string; readonly problems: readonly Problem[] } {
  const { systemField } = mapping
  if (systemField === null) return { text: mapping.instruction, problems: [] }
  const textOf = (row: SourceRow): string => (row.fields[systemField] ?? '').trim()
  const [first] = rows
  const text = first ? textOf(first) : ''
  const others = rows.filter((row) => textOf(row) !== text)
  if (others.length === 0) return { text, problems: [] }
  return {
    text: '',
    problems: [
      errorProblem('instructions-differ', `A task has one instruction. Another one than ${first?.place} have: ${placesOf(others)}.`, {
        where: { field: systemField, value: shownValue(others[0] ? textOf(others[0]) : '') },
        hint: `Make "${systemField}" one of the inputs, or split the file into one task for each instruction.`,
      }),
    ],
  }
}

function labelsOf(
  mapping: TaskMapping,
  table: readonly Label[],
  answers: number,
): { readonly labels?: readonly string[]; readonly problems: readonly Problem[] } {
  const labels = [...new Set(table.map(({ becomes }) => becomes))].sort()
  const chooses = mapping.answer === 'choice' || metricOf(mapping.metric).asks === 'choices'
  if (!chooses) return areLabels(table, answers) ? { labels, problems: [] } : { problems: [] }
  if (labels.length >= 2) return { labels, problems: [] }
  const reason = answers > 0 && table.length === 0 ? 'there are too many unlike answers' : 'there are fewer than two unlike answers'
  return {
    problems:
      answers === 0
        ? []
        : [invalid('answer', mapping.answer, `Nothing can be chosen: ${reason}.`, 'Take "short", or another field as the answer.')],
  }
}

function alikeProblems(table: readonly Label[]): readonly Problem[] {
  return alikeLabels(table).map((group) =>
    warningProblem(
      'labels-alike',
      `These labels differ only in case, spaces or a full stop: ${group.map((label) => `"${label}"`).join(', ')}.`,
      {
        where: { field: 'labelNames' },
        hint: `Name them all "${group[0]}" if they mean the same.`,
      },
    ),
  )
}

function invalid(field: string, value: unknown, message: string, hint: string): Problem {
  return errorProblem('mapping-invalid', message, { where: { field, value: shownValue(value) }, hint })
}

function countOf(rows: number): string {
  return rows === 1 ? '1 row' : `${rows} rows`
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}

function placesOf(rows: readonly SourceRow[]): string {
  const more = rows.length > namedPlaces ? ` and ${rows.length - namedPlaces} more` : ''
  return `${rows
    .slice(0, namedPlaces)
    .map(({ place }) => place)
    .join(', ')}${more}`
}

function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path
}
