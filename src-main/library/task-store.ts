import type { EvaluatedSplit } from '../contract/run.ts'
import type { Problem } from '../contract/problems.ts'
import type { budgets, Example, Split, Task, TaskFile } from '../contract/task.ts'

/** How many labelled examples a low-data variant has. */
export type Budget = (typeof budgets)[number]

/** A task's examples, in the order of its files. */
export type ExamplesBySplit = Readonly<Record<Split, readonly Example[]>>

/** What can be changed without new examples. */
export type TaskChanges = { readonly [K in 'title' | 'instruction' | 'metric' | 'maxNewTokens' | 'answer']?: TaskFile[K] | undefined }

/** Examples for a run, and what is to be said of them. */
export interface Labelled {
  readonly examples: readonly Example[]
  /** task-small (a warning), split-empty (an error). */
  readonly problems: readonly Problem[]
}

/** The library's tasks. Their files lie in its own folder: a task that was added does not change when its source does. */
export interface TaskStore {
  /** In the order in which they were added. */
  list(): Task[]
  get(id: string): Task | null
  /** The task file. Throws Refusal: task-unknown. */
  file(id: string): TaskFile
  /** Examples of a split; ids are unique within train and validation together, and within test. Throws Refusal: task-unknown, task-not-readable. */
  examples(id: string, split: Split): readonly Example[]
  /** What a run on that split is about: all of it, or the labelled examples of a budget. Throws as `examples` does. */
  labelled(id: string, split: EvaluatedSplit, budget: Budget | null): Labelled
  /** Copies a task file with its examples, or all of a folder, into the library. Another content under a known id becomes its next version. */
  add(path: string): Promise<{ readonly ids: readonly string[]; readonly problems: readonly Problem[] }>
  /** Adds a task that was put together here; an id that is taken is refused. */
  addImported(
    file: TaskFile,
    examples: ExamplesBySplit,
    problems?: readonly Problem[],
  ): Promise<{ readonly id: string | null; readonly problems: readonly Problem[] }>
  /** Makes the task's next version with these fields changed. */
  edit(id: string, changes: TaskChanges): Promise<readonly Problem[]>
  /** Makes the task's next version with its examples dealt out anew; counts in rows, the rest is for testing. Without counts, as many as now. */
  deal(id: string, given: { readonly seed: number; readonly train?: number; readonly validation?: number }): Promise<readonly Problem[]>
  /** Forgets the task and deletes the library's copy of it. */
  remove(id: string): readonly Problem[]
}
