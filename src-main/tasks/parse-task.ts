import * as v from 'valibot'
import { metricIds } from '../contract/metrics.ts'
import { errorProblem, shownValue, warningProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { answerKinds, defaultNewTokens, taskFileSchema, type TaskFile } from '../contract/task.ts'

/** A task file as it is used, or why it cannot be. */
export interface ParsedTask {
  readonly file: TaskFile | null
  /** Fields that were filled in; in the order of the task file. */
  readonly defaulted: readonly string[]
  readonly problems: readonly Problem[]
}

/** Seed of a task that names none. */
export const defaultTaskSeed = 1
/** Longest instruction, in characters, and most labels. */
const maxInstruction = 100_000
const maxLabels = 1000

const usualMetric = { short: 'exact_match', choice: 'choice_accuracy', long: 'rouge_l' } as const

/** Reads the contents of `<stem>.task.json`. Unknown fields are left out; missing ones get defaults, wrong ones are refused (task-not-readable). */
export function parseTask(value: unknown, stem: string, path: string): ParsedTask {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused([notATask(path, undefined, value, 'The file holds no object.', 'A task file is an object with an instruction.')])
  const given = value as Readonly<Record<string, unknown>>
  const answer = answerKinds.find((kind) => kind === given['answer']) ?? 'short'
  const id = given['id'] ?? stem
  const defaults = {
    id: stem,
    version: 1,
    title: titleOf(String(id)),
    instruction: '',
    inputs: ['input'],
    target: 'answer',
    answer: 'short',
    metric: usualMetric[answer],
    maxNewTokens: defaultNewTokens[answer],
    split: { seed: defaultTaskSeed },
  }
  const defaulted = Object.keys(defaults).filter((field) => isMissing(given[field]))
  const parsed = v.safeParse(taskFileSchema, { ...defaults, ...definedOf(given) })
  if (!parsed.success) return refused(parsed.issues.map((issue) => wrongField(path, issue)))
  const problems = furtherProblems(parsed.output, path)
  if (problems.length > 0) return refused(problems)
  return { file: parsed.output, defaulted, problems: [] }
}

/** The remark that fields of a task were filled in, none when nothing was. */
export function defaultedProblems(defaulted: readonly string[], path: string): readonly Problem[] {
  if (defaulted.length === 0) return []
  return [
    warningProblem('task-defaulted', `Filled in because the task file leaves them out: ${defaulted.join(', ')}.`, {
      where: { path, field: defaulted.join(', ') },
      hint: 'Look at the prompt of an example, and write the fields into the task file if they are not meant so.',
    }),
  ]
}

/** An id as words: "sentiment_stars" becomes "Sentiment stars". */
export function titleOf(id: string): string {
  const words = id.replaceAll(/[-_.]+/g, ' ').trim()
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** null says the same as leaving a field out. */
function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function definedOf(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => !isMissing(value)))
}

function furtherProblems(file: TaskFile, path: string): readonly Problem[] {
  const problems: Problem[] = []
  const refuse = (field: keyof TaskFile, message: string, hint: string): void => {
    problems.push(notATask(path, field, file[field], message, hint))
  }
  if (!Number.isInteger(file.version) || file.version < 1) refuse('version', 'The version is no count.', 'Use 1, 2, 3 and so on.')
  if (!Number.isSafeInteger(file.split.seed) || file.split.seed < 0) refuse('split', 'The seed is no whole number from 0 on.', 'Use 1.')
  if (file.instruction.length > maxInstruction)
    refuse('instruction', `The instruction has more than ${maxInstruction} characters.`, 'Shorten it.')
  if (new Set(file.inputs).size < file.inputs.length) refuse('inputs', 'A field is named twice in inputs.', 'Name every field once.')
  if (file.inputs.includes(file.target)) refuse('target', 'The answer is one of the inputs too.', 'Take it out of inputs.')
  const { labels } = file
  if (labels && (labels.length > maxLabels || new Set(labels).size < labels.length || labels.some((label) => label.trim() === '')))
    refuse('labels', `Labels must be at most ${maxLabels} unlike texts, none of them empty.`, 'Correct the list.')
  return problems
}

function wrongField(path: string, issue: v.BaseIssue<unknown>): Problem {
  const field = v.getDotPath(issue) ?? ''
  const choices: Readonly<Record<string, readonly string[]>> = { metric: metricIds, answer: answerKinds }
  const allowed = choices[field]
  const hint =
    allowed && typeof issue.input === 'string'
      ? didYouMean(issue.input, allowed)
      : field === 'id'
        ? 'An id has letters, digits, "-", "_" and ".", at most 100, and begins with a letter or digit.'
        : `Expected ${issue.expected ?? 'another value'}.`
  const message = `The field ${field} of the task file is ${shownValue(issue.input)}.`
  return { ...notATask(path, field, issue.input, message, hint), ...(allowed && { allowed }) }
}

function notATask(path: string, field: string | undefined, value: unknown, message: string, hint: string): Problem {
  return errorProblem('task-not-readable', message, {
    where: { path, ...(field !== undefined && { field }), value: shownValue(value) },
    hint,
  })
}

function refused(problems: readonly Problem[]): ParsedTask {
  return { file: null, defaulted: [], problems }
}
