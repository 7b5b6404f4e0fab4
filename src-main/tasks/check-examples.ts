import { warningProblem, type Problem } from '../contract/problems.ts'
import { splits, type Example, type Split, type TaskFile } from '../contract/task.ts'
import { contentKey, questionKey } from './example-ids.ts'

/** A task's examples by split. */
export type ExamplesBySplit = Readonly<Record<Split, readonly Example[]>>

/** What is to be said of a task's examples. */
export interface ExampleCheck {
  readonly counts: Readonly<Record<Split, number>>
  /** Examples that repeat an earlier one of their split, inputs and answer alike. */
  readonly duplicates: number
  /** Examples of validation or test whose inputs occur in a split before them (train, validation, test). */
  readonly leaks: number
  /** Warnings: examples-repeated, examples-leaked, split-empty, task-small, label-unknown. */
  readonly problems: readonly Problem[]
}

/** Ids that a problem names; the rest is counted. */
const namedIds = 20

/** Counts a task's examples and looks for repeated ones, for ones that several splits share, and for answers that are no label. */
export function checkExamples(file: Pick<TaskFile, 'labels'>, examples: ExamplesBySplit): ExampleCheck {
  const duplicates = splits.flatMap((split) => repeated(examples[split]))
  const leaks = leaked(examples)
  const all = splits.flatMap((split) => examples[split])
  const strangers = file.labels ? all.filter(({ answer }) => !file.labels?.includes(answer)) : []
  const counts = { train: examples.train.length, validation: examples.validation.length, test: examples.test.length }
  return {
    counts,
    duplicates: duplicates.length,
    leaks: leaks.length,
    problems: [
      ...named(
        'examples-repeated',
        duplicates,
        'with the content of another one of the same split',
        'They count more than others. Remove them in the source.',
      ),
      ...named(
        'examples-leaked',
        leaks,
        'with the input of an example of another split',
        'What was seen in training tests nothing. Deal the examples out anew.',
      ),
      ...named('label-unknown', strangers, 'with an answer that is not one of the labels', 'Correct the answers, or add the label.'),
      ...emptySplits(counts),
      ...(all.length === 1
        ? [warningProblem('task-small', 'The task has a single example.', { hint: 'An accuracy over one example says nothing. Add more.' })]
        : []),
    ],
  }
}

function repeated(examples: readonly Example[]): readonly Example[] {
  const seen = new Set<string>()
  return examples.filter((example) => {
    const key = contentKey(example)
    const again = seen.has(key)
    seen.add(key)
    return again
  })
}

function leaked(examples: ExamplesBySplit): readonly Example[] {
  const before = new Set<string>()
  return splits.flatMap((split) => {
    const keyed = examples[split].map((example) => ({ example, key: questionKey(example) }))
    const shared = keyed.filter(({ key }) => before.has(key))
    for (const { key } of keyed) before.add(key)
    return shared.map(({ example }) => example)
  })
}

function named(
  code: 'examples-repeated' | 'examples-leaked' | 'label-unknown',
  examples: readonly Example[],
  what: string,
  hint: string,
): Problem[] {
  if (examples.length === 0) return []
  const ids = examples.slice(0, namedIds).map(({ id }) => id)
  const more = examples.length > ids.length ? ` and ${examples.length - ids.length} more` : ''
  const count = examples.length === 1 ? '1 example' : `${examples.length} examples`
  return [
    warningProblem(code, `${count} ${what}: ${ids.join(', ')}${more}.`, {
      where: { field: 'examples', value: String(examples.length) },
      hint,
    }),
  ]
}

function emptySplits(counts: Readonly<Record<Split, number>>): Problem[] {
  const empty = splits.filter((split) => counts[split] === 0)
  if (empty.length === 0 || empty.length === splits.length) return []
  return [
    warningProblem('split-empty', `The task has no examples for ${empty.join(' and ')}.`, {
      where: { field: 'split', value: empty.join(', ') },
      hint: 'It cannot be evaluated there. Deal the examples out anew, or add a file.',
    }),
  ]
}
