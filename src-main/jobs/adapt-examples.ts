import type { AdaptInput } from '../contract/adapt.ts'
import { metricOf } from '../contract/metrics.ts'
import { errorProblem, hasError, warningProblem, type Problem } from '../contract/problems.ts'
import type { Example, Task, TaskFile } from '../contract/task.ts'
import { numberOf } from './adapt-params.ts'
import type { AdaptServices, CheckedAdaptation, EncodedLabelled, ResolvedAdaptation } from './adapt-types.ts'
import { shuffleAnswers } from './shuffle-answers.ts'

/** The labelled examples of a task by their ids; validation is empty where there is none. */
export interface LabelledIds {
  readonly trainIds: readonly string[]
  readonly validationIds: readonly string[]
  readonly problems: readonly Problem[]
}

/** Which examples it is about. Throws Refusal: task-not-readable. */
export function findLabelled(
  { taskId, budget }: Pick<AdaptInput, 'taskId' | 'budget'>,
  { tasks }: Pick<AdaptServices, 'tasks'>,
): LabelledIds {
  const train = tasks.labelled(taskId, 'train', budget)
  const validation = tasks.labelled(taskId, 'validation', budget)
  const problems = [...train.problems]
  if (train.examples.length === 1) problems.push(oneExample(taskId))
  if (validation.examples.length > 0) problems.push(...validation.problems)
  else if (!hasError(train.problems)) problems.push(noValidation(taskId, train.examples.length))
  return { trainIds: idsOf(train.examples), validationIds: idsOf(validation.examples), problems }
}

/**
 * Makes tokens of the examples. Those longer than allowed are left out and counted; refused where none is left for training. Without examples for
 * validation those for training choose the step too. Throws Refusal: what the tokenizer refuses, cancelled.
 */
export async function encodeAdaptation(
  checked: CheckedAdaptation,
  { tasks, prompts }: Pick<AdaptServices, 'tasks' | 'prompts'>,
  signal?: AbortSignal,
): Promise<{ readonly adaptation: ResolvedAdaptation | null; readonly problems: readonly Problem[] }> {
  const { base, task, file, input, params } = checked
  const mostTokens = numberOf(params, 'maxTokens')
  const isShuffled = params['shuffleLabels'] === true
  let unusable = 0

  async function encode(split: 'train' | 'validation', ids: readonly string[]): Promise<readonly EncodedLabelled[]> {
    if (ids.length === 0) return []
    const found = tasks.labelled(input.taskId, split, input.budget).examples
    const shuffled = isShuffled && split === 'train'
    const examples = shuffled ? shuffleAnswers(found, input.seed) : found
    // What was encoded is remembered by the task's hash: shuffled answers are another task's.
    const known: Task = shuffled ? { ...task, hash: `${task.hash} shuffled ${input.seed}` } : task
    const ready = { ...asked(known, file), split, budget: input.budget, examples }
    const { asked: encoded } = await prompts.encode(base, ready, null, signal)
    return encoded.flatMap(({ example, prompt, ask }): EncodedLabelled[] => {
      if (ask?.kind !== 'loss') {
        unusable += 1
        return []
      }
      if (prompt.length + ask.answer.length > mostTokens) return []
      return [{ id: example.id, prompt, answer: ask.answer, group: groupOf(file, example) }]
    })
  }

  const train = await encode('train', checked.trainIds)
  const held = await encode('validation', checked.validationIds)
  const all = checked.trainIds.length + checked.validationIds.length
  const left = all - train.length - held.length
  const problems: Problem[] = []
  if (left - unusable > 0) problems.push(tooLong(task, left - unusable, all, mostTokens, base, train.length === 0))
  if (unusable > 0) problems.push(answersEmpty(task, unusable, train.length === 0))
  if (train.length === 0) return { adaptation: null, problems }
  if (held.length === 0 && checked.validationIds.length > 0) problems.push(noValidation(task.id, train.length))
  const isWithout = held.length === 0
  return {
    adaptation: { ...checked, train, validation: isWithout ? train : held, skipped: left, noValidation: isWithout },
    problems,
  }
}

/** The task as its loss is asked: that takes the answers' tokens, whatever its own metric is. */
function asked(task: Task, file: TaskFile) {
  return { task, file, metricId: 'mean_loss' as const, metric: metricOf('mean_loss'), maxNewTokens: file.maxNewTokens }
}

function groupOf({ labels = [] }: TaskFile, { answer }: Example): number {
  return Math.max(0, labels.indexOf(answer))
}

function idsOf(examples: readonly Example[]): readonly string[] {
  return examples.map(({ id }) => id)
}

function oneExample(taskId: string): Problem {
  return warningProblem('task-small', 'There is one training example: the result will be no more than that example learned by heart.', {
    where: { field: 'taskId', value: taskId },
  })
}

function noValidation(taskId: string, examples: number): Problem {
  const which = examples === 1 ? 'the one training example chooses' : `the ${examples} training examples choose`
  return warningProblem('no-validation', `There are no validation examples: ${which} the step too, which favours the last one.`, {
    where: { field: 'budget', value: taskId },
    hint: 'With a budget of 30 or 100, or a task with a validation split, the step is chosen by examples that were not learned.',
  })
}

function tooLong(
  { id, title }: Task,
  count: number,
  all: number,
  mostTokens: number,
  { name, maxPositions }: CheckedAdaptation['base'],
  refused: boolean,
): Problem {
  const limit = Math.min(mostTokens, maxPositions)
  const why = limit < mostTokens ? `${name} takes ${maxPositions} tokens` : `the longest allowed has ${mostTokens} tokens`
  const message = `${count} of ${all} examples of ${title} are left out: with their answers they are too long, ${why}.`
  const hint =
    limit < mostTokens
      ? 'Nothing is cut. Take a base model with more positions, or shorter examples.'
      : 'Nothing is cut. Allow longer examples (maxTokens).'
  const detail = { where: { field: 'params.maxTokens', value: id }, hint }
  return refused ? errorProblem('prompt-too-long', message, detail) : warningProblem('prompt-too-long', message, detail)
}

function answersEmpty({ id, title }: Task, count: number, refused: boolean): Problem {
  const message = `${count} example${count === 1 ? '' : 's'} of ${title} ${count === 1 ? 'is' : 'are'} left out: prompt or answer has no tokens.`
  return (refused ? errorProblem : warningProblem)('answer-empty', message, { where: { field: 'taskId', value: id } })
}
