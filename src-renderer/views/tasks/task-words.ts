import type { Task, TaskFile } from '../../../src-main/contract/task.ts'
import { formatCount } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'

export const answerWords: Readonly<Record<TaskFile['answer'], string>> = { short: 'short text', choice: 'choice', long: 'long text' }

export const answerMeanings: Readonly<Record<TaskFile['answer'], string>> = {
  short: 'A label or a few words, generated and compared',
  choice: 'One of the labels, by log-likelihood; nothing is generated',
  long: 'Free text, generated',
}

/** "80 / 20 / 300" for training, validation and test. */
export function countWords({ counts }: Pick<Task, 'counts'>): string {
  return [counts.train, counts.validation, counts.test].map(formatCount).join(' / ')
}

/** What is doubtful about the examples, in a few words; empty when nothing is. */
export function doubtWords({ leaks, duplicates }: Pick<Task, 'leaks' | 'duplicates'>): string {
  const words = [...(leaks > 0 ? [plural(leaks, 'leak')] : []), ...(duplicates > 0 ? [plural(duplicates, 'duplicate')] : [])]
  return words.join(', ')
}
