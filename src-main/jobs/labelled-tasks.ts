import { errorProblem, Refusal } from '../contract/problems.ts'
import type { EvaluatedSplit } from '../contract/run.ts'
import type { TaskStore } from '../library/task-store.ts'
import type { Budget, Labelled } from '../tasks/labelled.ts'

/** What choosing, tuning, searching and training may read of a task: its labelled examples, never those for testing. */
export type LabelledSplit = Exclude<EvaluatedSplit, 'test'>

/** Tasks as far as tuning may see them. */
export interface LabelledTasks extends Pick<TaskStore, 'get' | 'file'> {
  /** As the library's; refused (split-not-allowed) for a split that got past the type. */
  labelled(id: string, split: LabelledSplit, budget: Budget | null): Labelled
}

const allowed: readonly string[] = ['train', 'validation', 'train+validation'] satisfies readonly LabelledSplit[]

/** The one view of the library's tasks that jobs get which learn or choose. */
export function withoutTest(tasks: Pick<TaskStore, 'get' | 'file' | 'labelled'>): LabelledTasks {
  return {
    get: (id) => tasks.get(id),
    file: (id) => tasks.file(id),
    labelled(id, split, budget) {
      if (!allowed.includes(split)) throw new Refusal([testNotAllowed(split)])
      return tasks.labelled(id, split, budget)
    },
  }
}

function testNotAllowed(split: string) {
  return errorProblem('split-not-allowed', `Examples of "${split}" are not for choosing, tuning or training.`, {
    where: { field: 'split', value: split },
    allowed,
    hint: 'Evaluate the finished adapter on them instead.',
  })
}
