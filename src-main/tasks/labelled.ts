import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import type { EvaluatedSplit } from '../contract/run.ts'
import { budgetSplits, type budgets, type Example, type Split } from '../contract/task.ts'
import type { ExamplesBySplit } from './check-examples.ts'
import { seededOrder } from './deal-splits.ts'

/** How many labelled examples a low-data variant has. */
export type Budget = (typeof budgets)[number]

/** Examples for a run, and what is to be said of them. */
export interface Labelled {
  readonly examples: readonly Example[]
  /** task-small (a warning), split-empty (an error). */
  readonly problems: readonly Problem[]
}

/**
 * What a run on a split is about. With a budget, the first so many of train and of validation in the order of the task's seed, so that a smaller budget
 * is a part of a larger one; they stay in the order of the files. A budget says nothing about test.
 */
export function labelledExamples(given: {
  readonly examples: ExamplesBySplit
  readonly split: EvaluatedSplit
  readonly budget: Budget | null
  readonly seed: number
}): Labelled {
  const { examples, split, budget, seed } = given
  const names = split === 'train+validation' ? (['train', 'validation'] as const) : ([split] as const)
  const parts = names.map((name) => {
    const size = budget === null || name === 'test' ? null : budgetSplits[budget][name]
    return size === null ? { chosen: examples[name], problems: [] } : chooseFirst(examples[name], name, size, seed)
  })
  const chosen = parts.flatMap((part) => part.chosen)
  return { examples: chosen, problems: chosen.length > 0 ? parts.flatMap((part) => part.problems) : [splitEmpty(split, budget)] }
}

function chooseFirst(examples: readonly Example[], split: Split, size: number, seed: number) {
  const first = new Set(
    seededOrder(examples, seed)
      .slice(0, size)
      .map(({ id }) => id),
  )
  return {
    chosen: examples.filter(({ id }) => first.has(id)),
    problems:
      examples.length < size
        ? [
            warningProblem('task-small', `The task has ${examples.length} of the ${size} examples for ${split}; all of them are used.`, {
              where: { field: split, value: String(examples.length) },
            }),
          ]
        : [],
  }
}

function splitEmpty(split: EvaluatedSplit, budget: Budget | null): Problem {
  const part = budget === null ? '' : ` with a budget of ${budget}`
  return errorProblem('split-empty', `The task has no examples for ${split}${part}.`, {
    where: { field: 'split', value: split },
    hint: 'Choose another split, or deal the examples out anew.',
  })
}
