import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import { splits, type Example, type Split, type TaskFile } from '../contract/task.ts'
import type { ExamplesBySplit } from './check-examples.ts'
import { ownIdOf, withIds, type RawExample } from './example-ids.ts'
import { defaultedProblems, parseTask } from './parse-task.ts'
import { firstProblems, parseJson, readJsonLines, rowProblem, textOf, type Row } from './read-rows.ts'
import { readText, reasonOf } from './read-text.ts'

/** A task with its examples. */
export interface ReadTask {
  readonly file: TaskFile
  readonly examples: ExamplesBySplit
  /** Warnings: task-defaulted. */
  readonly problems: readonly Problem[]
}

/** Ending of a task file. */
export const taskEnding = '.task.json'
const maxTaskBytes = 5_000_000
const maxTasksInFolder = 2000

/** The task files at a path: itself, or those in the folder, or in its folder "tasks"; in the order of names. A problem where there are none. */
export function findTaskFiles(path: string): readonly string[] | Problem {
  const kind = kindOf(path)
  if (typeof kind !== 'string') return kind
  if (kind === 'file') return path.endsWith(taskEnding) ? [path] : taskMissing(path, 'The file is no task file.')
  const [here = [], below = []] = [path, join(path, 'tasks')].map(listTasks)
  const found = here.length > 0 ? here : below
  if (found.length > maxTasksInFolder)
    return taskMissing(path, `The folder holds ${found.length} tasks; at most ${maxTasksInFolder} are added at once.`)
  return found.length > 0 ? found : taskMissing(path, 'The folder holds no task file.')
}

/** Reads a task file and the examples beside it. Every problem that blocks names its file and line. Throws nothing that a file could cause. */
export function readTask(path: string): ReadTask | { readonly file: null; readonly problems: readonly Problem[] } {
  try {
    return readTaskFiles(path)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { file: null, problems: error.problems }
  }
}

function readTaskFiles(path: string): ReadTask | { readonly file: null; readonly problems: readonly Problem[] } {
  const text = readText(path, { maxBytes: maxTaskBytes, code: 'task-not-readable' })
  if (text === null) return { file: null, problems: [notReadable(path, 'it does not exist')] }
  const value = parseJson(text)
  if (value === undefined) return { file: null, problems: [notReadable(path, 'it is not JSON')] }
  const stem = basename(path).slice(0, -taskEnding.length)
  const { file, defaulted, problems } = parseTask(value, stem, path)
  if (!file) return { file, problems }
  const read = Object.fromEntries(splits.map((split) => [split, readSplit(join(dirname(path), `${stem}.${split}.jsonl`), file)]))
  const parts = read as Readonly<Record<Split, ReturnType<typeof readSplit>>>
  const blocking = splits.flatMap((split) => parts[split].problems)
  if (hasError(blocking)) return { file: null, problems: blocking }
  const examples = numbered(parts.train.examples, parts.validation.examples, parts.test.examples)
  if (splits.every((split) => examples[split].length === 0)) return { file: null, problems: [noExamples(path, stem)] }
  const { labels, filled } = labelsOf(file, examples)
  return {
    file: { ...file, ...(labels && { labels: [...labels] }) },
    examples,
    problems: defaultedProblems([...defaulted, ...(filled ? ['labels'] : [])], path),
  }
}

/** Gives the examples of a task their ids: unique within the labelled ones together, and within test. */
export function numbered(
  train: readonly RawExample[],
  validation: readonly RawExample[],
  test: readonly RawExample[],
): Readonly<Record<Split, readonly Example[]>> {
  const both = withIds([...train, ...validation])
  return { train: both.slice(0, train.length), validation: both.slice(train.length), test: withIds(test) }
}

/** The labels of a task that chooses among them: its own, or the answers that occur. */
function labelsOf(file: TaskFile, examples: ExamplesBySplit): { readonly labels: readonly string[] | undefined; readonly filled: boolean } {
  if (file.answer !== 'choice' || (file.labels && file.labels.length > 0)) return { labels: file.labels, filled: false }
  return { labels: [...new Set(splits.flatMap((split) => examples[split].map(({ answer }) => answer)))].sort(), filled: true }
}

function readSplit(path: string, file: TaskFile): { readonly examples: readonly RawExample[]; readonly problems: readonly Problem[] } {
  const read = readJsonLines(path)
  if (read === null) return { examples: [], problems: [] }
  const examples: RawExample[] = []
  const problems: Problem[] = [...read.problems]
  for (const row of read.rows) {
    const made = exampleOf(row, file, path)
    if ('code' in made) problems.push(made)
    else examples.push(made)
  }
  return { examples, problems: firstProblems(problems) }
}

/** One row by the fields that the task names. */
function exampleOf(row: Row, file: TaskFile, path: string): RawExample | Problem {
  const inputs: Record<string, string> = {}
  for (const name of file.inputs) {
    const text = textOf(row.fields[name])
    if (text === undefined) return missingField(row, name, path)
    inputs[name] = text
  }
  const answer = textOf(row.fields[file.target])
  if (answer === undefined) return missingField(row, file.target, path)
  if (answer.trim() === '')
    return { ...rowProblem(path, row.place, 'has an empty answer', 'Give it an answer, or remove the line.'), code: 'answer-empty' }
  return { ownId: ownIdOf(row.fields['id']), inputs, answer }
}

function missingField(row: Row, name: string, path: string): Problem {
  const there = Object.keys(row.fields).slice(0, 20).join(', ')
  return rowProblem(
    path,
    row.place,
    `has no text in the field "${name}"`,
    `Its fields are: ${there}. Name others in the task file, or add the field.`,
  )
}

function kindOf(path: string): 'file' | 'folder' | Problem {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    return notReadable(path, reasonOf(error))
  }
}

function listTasks(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(taskEnding) && name.length > taskEnding.length)
      .sort()
      .map((name) => join(folder, name))
  } catch (error) {
    // A folder without one called "tasks" is no problem; the caller says that there are no tasks.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new Refusal([notReadable(folder, reasonOf(error))])
  }
}

function taskMissing(path: string, message: string): Problem {
  return errorProblem('task-missing', message, {
    where: { path },
    hint: `A task is a file NAME${taskEnding} with NAME.train.jsonl, NAME.validation.jsonl and NAME.test.jsonl beside it. Other files of examples can be imported with a mapping.`,
  })
}

function noExamples(path: string, stem: string): Problem {
  return errorProblem('split-empty', 'The task has no examples.', {
    where: { path },
    hint: `Put them beside it as ${stem}.train.jsonl, ${stem}.validation.jsonl and ${stem}.test.jsonl.`,
  })
}

function notReadable(path: string, reason: string): Problem {
  return errorProblem('task-not-readable', `The task cannot be read: ${reason}.`, {
    where: { path },
    hint: 'Check the file and your rights to it.',
  })
}
