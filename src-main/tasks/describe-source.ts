import { basename, extname } from 'node:path'
import type { TaskMapping, TaskSource } from '../contract/task.ts'
import { splitOfName } from './import-task.ts'
import { areLabels, labelTable, suggestedNames } from './label-names.ts'
import { defaultTaskSeed, titleOf } from './parse-task.ts'
import type { Source } from './read-source.ts'

/** Rows and characters that a window gets to see of a file. */
const shownRows = 20
const shownCharacters = 500
/** Answers longer than this are long text, in characters. */
const longAnswer = 60

const targetNames = ['answer', 'output', 'label', 'target', 'response', 'completion', 'expected', 'gold', 'class', 'category', 'sentiment']
const inputNames = [
  'history',
  'input',
  'user',
  'text',
  'question',
  'prompt',
  'sentence',
  'review',
  'passage',
  'context',
  'premise',
  'hypothesis',
]
const systemNames = ['system', 'instruction']
const splitNames = ['split', 'set', 'partition', 'fold']
const otherNames = ['id', 'idx', 'index', 'uuid', 'source', 'url', 'metadata', 'category', 'date', 'timestamp']

/** What a file of examples holds, with the mapping that suggests itself. */
export function describeSource(source: Source): TaskSource {
  const { path, format, rows } = source
  return {
    path,
    format,
    rows: rows.length,
    fields: source.fields.map((name) => describeField(source, name)),
    sample: rows
      .slice(0, shownRows)
      .map((row) => Object.fromEntries(Object.entries(row.fields).map(([name, text]) => [name, text.slice(0, shownCharacters)]))),
    suggested: suggestMapping(source),
    problems: [...source.problems],
  }
}

function describeField({ rows }: Source, name: string): TaskSource['fields'][number] {
  const filled = rows.map((row) => row.fields[name] ?? '').filter((text) => text.trim() !== '')
  return { name, filled: filled.length, distinct: new Set(filled).size, sample: (filled[0] ?? '').slice(0, shownCharacters) }
}

/** The mapping that names and contents of the fields suggest; null where there are not two fields with text. */
export function suggestMapping(source: Source): TaskMapping | null {
  const facts = source.fields.map((name) => describeField(source, name)).filter(({ filled }) => filled > 0)
  const named = (names: readonly string[], among = facts) =>
    names.flatMap((wanted) => among.filter(({ name }) => name.toLowerCase() === wanted)).map(({ name }) => name)
  const split = named(splitNames).find((name) => source.rows.every((row) => splitOfName(row.fields[name] ?? '') !== undefined))
  const target = named(targetNames)[0] ?? facts.findLast(({ name }) => name !== split && !otherNames.includes(name.toLowerCase()))?.name
  const system = named(systemNames).find((name) =>
    facts.some((fact) => fact.name === name && fact.distinct === 1 && fact.filled === source.rows.length),
  )
  const free = facts.filter(({ name }) => ![split, target, system].includes(name))
  const inputs = named([...systemNames, ...inputNames], free)
  const rest = free.map(({ name }) => name).filter((name) => !otherNames.includes(name.toLowerCase()))
  const chosen = inputs.length > 0 ? inputs : rest.slice(0, 5)
  if (target === undefined || chosen.length === 0) return null
  const answers = source.rows.map((row) => row.fields[target] ?? '').filter((answer) => answer.trim() !== '')
  const table = labelTable(answers, {})
  const isLong = answers.some((answer) => answer.trim().length > longAnswer) && !areLabels(table, answers.length)
  return {
    path: source.path,
    id: slugOf(source.path),
    title: titleOf(slugOf(source.path)),
    instruction: '',
    systemField: system ?? null,
    inputs: chosen.slice(0, 20),
    target,
    answer: isLong ? 'long' : 'short',
    metric: isLong ? 'rouge_l' : 'exact_match',
    maxNewTokens: null,
    labelNames: isLong ? {} : suggestedNames(table),
    split: { seed: defaultTaskSeed, ...sizesFor(source.rows.length), field: split ?? null },
  }
}

/** 80 and 20 as in the usual budget of 100; a small file gives half of its rows to testing. */
function sizesFor(rows: number): { readonly train: number; readonly validation: number; readonly test: null } {
  if (rows >= 200) return { train: 80, validation: 20, test: null }
  return { train: Math.floor(rows * 0.4), validation: Math.floor(rows * 0.1), test: null }
}

function slugOf(path: string): string {
  const name = basename(path, extname(path))
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100)
  return name === '' ? 'task' : name
}
