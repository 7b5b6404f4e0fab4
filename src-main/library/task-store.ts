import { dirname, join } from 'node:path'
import type Database from 'better-sqlite3'
import { defaultNewTokens, splits, type Example, type Split, type Task, type TaskFile } from '../contract/task.ts'
import type { EvaluatedSplit } from '../contract/run.ts'
import { errorProblem, hasError, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import { suggest } from '../contract/suggest.ts'
import { checkExamples, type ExamplesBySplit } from '../tasks/check-examples.ts'
import { dealSplits } from '../tasks/deal-splits.ts'
import { labelledExamples, type Budget, type Labelled } from '../tasks/labelled.ts'
import { findTaskFiles, numbered, readTask } from '../tasks/read-task.ts'
import { shortened } from './find-seqs.ts'
import { readExamples, readTaskFile, removeTaskFiles, taskHash, versionFolder, writeTaskFiles } from './task-files.ts'

/** What can be changed without new examples. */
export type TaskChanges = { readonly [K in 'title' | 'instruction' | 'metric' | 'maxNewTokens' | 'answer']?: TaskFile[K] | undefined }

/** How a task's examples are dealt out anew: counts in rows, the rest is for testing; a count that is left out stays as it is. */
export interface NewDeal {
  readonly seed: number
  readonly train?: number | undefined
  readonly validation?: number | undefined
}

/** The library's tasks. Their files lie in its own folder: a task that was added does not change when its source does. */
export interface TaskStore {
  /** In the order in which they were added. */
  list(): Task[]
  get(id: string): Task | null
  /** The task file. Throws Refusal: task-unknown, task-not-readable. */
  file(id: string): TaskFile
  /** Examples of a split; ids are unique within train and validation together, and within test. Throws Refusal: task-unknown, task-not-readable. */
  examples(id: string, split: Split): readonly Example[]
  /** What a run on that split is about: all of it, or the labelled examples of a budget. Throws as `examples` does. */
  labelled(id: string, split: EvaluatedSplit, budget: Budget | null): Labelled
  /** Copies a task file with its examples, or all of a folder, into the library. Another content under a known id becomes its next version. */
  add(path: string): Promise<{ readonly ids: readonly string[]; readonly problems: readonly Problem[] }>
  /** Adds a task that was put together here; an id that is taken is refused (task-exists). */
  addImported(
    file: TaskFile,
    examples: ExamplesBySplit,
    problems?: readonly Problem[],
  ): Promise<{ readonly id: string | null; readonly problems: readonly Problem[] }>
  /** Makes the task's next version with these fields changed. */
  edit(id: string, changes: TaskChanges): Promise<readonly Problem[]>
  /** Makes the task's next version with its examples dealt out anew. */
  deal(id: string, given: NewDeal): Promise<readonly Problem[]>
  /** Forgets the task and deletes the library's copy of it. */
  remove(id: string): readonly Problem[]
}

interface StoredTask {
  readonly hash: string
  readonly summary: string
  readonly folder: string
}

/** Tasks whose examples are kept in memory. */
const keptTasks = 8

/** The tasks in `db`; their files lie under the folder of the database. */
export function createTaskStore(db: Database.Database, databaseFile: string, now: () => Date): TaskStore {
  const libraryFolder = dirname(databaseFile)
  const list = db.prepare<[], StoredTask>('SELECT hash, summary, folder FROM tasks ORDER BY seq')
  const byId = db.prepare<[string], StoredTask>('SELECT hash, summary, folder FROM tasks WHERE id = ? COLLATE NOCASE')
  const insert = db.prepare('INSERT INTO tasks (hash, summary, folder, id, added_at) VALUES (?, ?, ?, ?, ?)')
  const update = db.prepare('UPDATE tasks SET hash = ?, summary = ?, folder = ? WHERE id = ?')
  const forget = db.prepare('DELETE FROM tasks WHERE id = ?')
  const kept = new Map<string, { readonly file: TaskFile; readonly examples: Partial<Record<Split, readonly Example[]>> }>()

  function storedOf(id: string): StoredTask {
    const stored = byId.get(id)
    // File systems may not tell capital letters apart, ids do.
    if (!stored || taskOf(stored).id !== id) throw new Refusal([unknownTask(id, list.all().map(taskOf))])
    return stored
  }

  function contentsOf(id: string) {
    const { folder } = storedOf(id)
    const contents = kept.get(folder) ?? { file: readTaskFile(join(libraryFolder, folder)), examples: {} }
    kept.delete(folder)
    kept.set(folder, contents)
    for (const oldest of [...kept.keys()].slice(0, -keptTasks)) kept.delete(oldest)
    return { ...contents, folder: join(libraryFolder, folder) }
  }

  function examplesOf(id: string, split: Split): readonly Example[] {
    const { examples, folder } = contentsOf(id)
    return (examples[split] ??= readExamples(folder, split))
  }

  const allOf = (id: string): ExamplesBySplit => ({
    train: examplesOf(id, 'train'),
    validation: examplesOf(id, 'validation'),
    test: examplesOf(id, 'test'),
  })

  /** Reads only the splits that are asked for: those for testing stay untouched while something learns. */
  const lazyOf = (id: string): ExamplesBySplit => ({
    get train() {
      return examplesOf(id, 'train')
    },
    get validation() {
      return examplesOf(id, 'validation')
    },
    get test() {
      return examplesOf(id, 'test')
    },
  })

  /** Writes a version and makes it the one that counts. `earlier` is what is known under its id. */
  async function store(
    file: TaskFile,
    examples: ExamplesBySplit,
    said: readonly Problem[],
    earlier: Task | null,
  ): Promise<readonly Problem[]> {
    const hash = taskHash(file, examples)
    const folder = versionFolder(file, hash)
    await writeTaskFiles(join(libraryFolder, folder), file, examples)
    const { problems, ...check } = checkExamples(file, examples)
    const added = now().toISOString()
    const task: Task = { ...file, ...check, hash, addedAt: earlier?.addedAt ?? added, problems: [...said, ...problems] }
    const values = [hash, JSON.stringify(task), folder, file.id]
    if (earlier) update.run(...values)
    else insert.run(...values, added)
    kept.delete(folder)
    return task.problems
  }

  async function addOne(path: string): Promise<{ readonly id: string | null; readonly problems: readonly Problem[] }> {
    const read = readTask(path)
    if (!read.file) return { id: null, problems: read.problems }
    const { file, examples, problems } = read
    const stored = byId.get(file.id)
    if (!stored) return { id: file.id, problems: await store(file, examples, problems, null) }
    const earlier = taskOf(stored)
    if (earlier.id !== file.id) return { id: null, problems: [taskExists(file.id, earlier.id)] }
    if (stored.hash === taskHash(file, examples)) return { id: file.id, problems: earlier.problems }
    const next = { ...file, version: Math.max(file.version, earlier.version + 1) }
    const said = await store(next, examples, problems, earlier)
    return { id: file.id, problems: [replaced(next, earlier), ...said] }
  }

  return {
    list: () => list.all().map(taskOf),
    get(id) {
      const stored = byId.get(id)
      const task = stored ? taskOf(stored) : null
      return task?.id === id ? task : null
    },
    file: (id) => contentsOf(id).file,
    examples: examplesOf,
    labelled: (id, split, budget) => labelledExamples({ examples: lazyOf(id), split, budget, seed: contentsOf(id).file.split.seed }),
    async add(path) {
      const files = findTaskFiles(path)
      if ('code' in files) return { ids: [], problems: [files] }
      const ids: string[] = []
      const problems: Problem[] = []
      for (const file of files) {
        const added = await addOne(file)
        if (added.id !== null) ids.push(added.id)
        problems.push(...added.problems)
      }
      return { ids: [...new Set(ids)], problems }
    },
    async addImported(file, examples, problems = []) {
      const stored = byId.get(file.id)
      if (stored) return { id: null, problems: [taskExists(file.id, taskOf(stored).id)] }
      return { id: file.id, problems: await store(file, examples, problems, null) }
    },
    async edit(id, changes) {
      const earlier = taskOf(storedOf(id))
      const file = contentsOf(id).file
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      const changed = withKind({ ...file, ...given, version: earlier.version + 1 }, file, changes, allOf(id))
      const isSame = Object.entries(given).every(([name, value]) => file[name as keyof TaskChanges] === value)
      if (isSame) return []
      const problems = refusedEdit(changed)
      if (hasError(problems)) return problems
      await store(changed, allOf(id), filledIn(earlier), earlier)
      return []
    },
    async deal(id, given) {
      const earlier = taskOf(storedOf(id))
      const { train = earlier.counts.train, validation = earlier.counts.validation, seed } = given
      const dealt = dealSplits(
        splits.flatMap((split) => allOf(id)[split]),
        seed,
        { train, validation, test: null },
      )
      // Ids stay the rows' own; what was in two splits under one id now stands in one, and gets a second.
      const raw = (split: Split) => dealt[split].map((example) => ({ ...example, ownId: example.id }))
      const file = { ...contentsOf(id).file, version: earlier.version + 1, split: { seed } }
      const problems = await store(file, numbered(raw('train'), raw('validation'), raw('test')), filledIn(earlier), earlier)
      return problems.filter(({ code }) => code !== 'task-defaulted')
    },
    remove(id) {
      const stored = byId.get(id)
      if (!stored || taskOf(stored).id !== id) return [unknownTask(id, list.all().map(taskOf))]
      forget.run(id)
      kept.delete(stored.folder)
      removeTaskFiles(libraryFolder, id)
      return []
    },
  }
}

function taskOf(stored: StoredTask): Task {
  return JSON.parse(stored.summary) as Task
}

/** What was said of the task's file when it was added; what is said of its examples is found anew. */
function filledIn(task: Task): readonly Problem[] {
  return task.problems.filter(({ code }) => code === 'task-defaulted')
}

/** Another kind of answer brings its own number of new tokens, unless one was given, and labels where it chooses among them. */
function withKind(changed: TaskFile, before: TaskFile, changes: TaskChanges, examples: ExamplesBySplit): TaskFile {
  if (changed.answer === before.answer) return changed
  const wasUsual = before.maxNewTokens === defaultNewTokens[before.answer]
  const maxNewTokens = changes.maxNewTokens ?? (wasUsual ? defaultNewTokens[changed.answer] : changed.maxNewTokens)
  const found = [...new Set(splits.flatMap((split) => examples[split].map(({ answer }) => answer)))].sort()
  const labels = changed.answer === 'choice' ? (changed.labels ?? found) : changed.labels
  return { ...changed, maxNewTokens, ...(labels && { labels }) }
}

function refusedEdit(file: TaskFile): readonly Problem[] {
  if (file.answer !== 'choice' || (file.labels?.length ?? 0) > 1) return []
  return [
    errorProblem('mapping-invalid', 'A choice needs at least two labels; the examples have one answer.', {
      where: { field: 'answer', value: file.answer },
      hint: 'Keep the short answer.',
    }),
  ]
}

function unknownTask(id: string, known: readonly Task[]): Problem {
  const near = suggest(
    id,
    known.map((task) => task.id),
  )
  return errorProblem('task-unknown', `The library has no task "${shortened(id)}".`, {
    where: { field: 'id', value: shortened(id) },
    allowed: known.slice(0, 50).map((task) => task.id),
    hint: near === undefined ? 'Add it, or choose another one.' : `Did you mean "${near}"?`,
  })
}

function taskExists(id: string, known: string): Problem {
  return errorProblem('task-exists', `The library has a task "${known}" already.`, {
    where: { field: 'id', value: id },
    hint: 'Choose another id, or remove the task that is there; capital and small letters count as the same.',
  })
}

function replaced(next: TaskFile, earlier: Task): Problem {
  return warningProblem('task-exists', `The task "${next.id}" was there in another form; this is version ${next.version} of it.`, {
    where: { field: 'version', value: String(earlier.version) },
    hint: 'Results of the earlier version stay with it.',
  })
}
