import { splits, type Example, type RenderedPrompt, type Task } from '../contract/task.ts'
import type { Label } from '../tasks/label-names.ts'
import { formatTable } from './format.ts'

/** Tasks as a table. */
export function taskTable(tasks: readonly Task[]): readonly string[] {
  const rows = tasks.map(({ id, version, answer, metric, counts, duplicates, leaks }) => [
    ...[id, String(version), answer, metric],
    ...[counts.train, counts.validation, counts.test, duplicates, leaks].map(String),
  ])
  const head = ['ID', 'VERSION', 'ANSWER', 'METRIC', 'TRAIN', 'VALIDATION', 'TEST', 'REPEATED', 'LEAKED']
  return formatTable([head, ...rows], [1, 4, 5, 6, 7, 8])
}

/** Everything about one task but its examples. */
export function taskFacts(task: Task): readonly string[] {
  return formatTable([
    ['id', task.id],
    ['title', task.title],
    ['version', String(task.version)],
    ['instruction', oneLine(task.instruction) || '(none)'],
    ['inputs', task.inputs.join(', ')],
    ['answer', `${task.target}, ${task.answer}, at most ${task.maxNewTokens} new tokens`],
    ['labels', task.labels?.map(oneLine).join(', ') ?? '-'],
    ['metric', task.metric],
    ['examples', splits.map((split) => `${task.counts[split]} ${split}`).join(', ')],
    ['seed', String(task.split.seed)],
    ['repeated', String(task.duplicates)],
    ['leaked', String(task.leaks)],
    ['source', task.source ?? '-'],
    ['added', task.addedAt],
    ['hash', task.hash],
  ])
}

/** Examples as a table. */
export function exampleTable(examples: readonly Example[]): readonly string[] {
  const rows = examples.map(({ id, inputs, answer }) => [id, oneLine(answer), Object.values(inputs).map(oneLine).join(' | ')])
  return formatTable([['ID', 'ANSWER', 'INPUT'], ...rows])
}

/** A rendered prompt; the tokens that count are those after the bar, one space apart. */
export function promptLines(prompt: RenderedPrompt): readonly string[] {
  const { exampleId, promptTokens, answerTokens, template, tooLong, tokens } = prompt
  const counted = tokens.filter(({ counts }) => counts).map(({ id, text }) => `${JSON.stringify(text)} ${id}`)
  return [
    `${exampleId}: ${promptTokens} tokens, answer ${answerTokens}, ${template === 'own' ? "the base model's template" : 'a plain template'}${tooLong ? ', too long' : ''}`,
    ...prompt.text.split('\n').map((line) => `  ${line}`),
    `  counted: ${counted.join('  ')}`,
  ]
}

/** Labels and what they become. */
export function labelTable(labels: readonly Label[]): readonly string[] {
  return formatTable(
    [['LABEL', 'COUNT', 'BECOMES'], ...labels.map(({ found, count, becomes }) => [oneLine(found), String(count), becomes])],
    [1],
  )
}

/** A text on one line, no longer than a terminal's. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 100 ? `${line.slice(0, 97)}...` : line
}
