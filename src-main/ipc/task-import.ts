import { statSync } from 'node:fs'
import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import {
  splits,
  type Example,
  type RenderedPrompt,
  type TaskFile,
  type TaskImportPreview,
  type TaskMapping,
  type TaskSource,
} from '../contract/task.ts'
import type { TaskStore } from '../library/task-store.ts'
import { checkExamples } from '../tasks/check-examples.ts'
import { describeSource } from '../tasks/describe-source.ts'
import { importTask, parseMapping, type ImportedTask } from '../tasks/import-task.ts'
import { renderExample } from '../tasks/prompts.ts'
import { readSource } from '../tasks/read-source.ts'
import { createRecent } from '../tasks/recent.ts'
import { checkVocabulary, openTokenizer, type PromptTokenizer } from '../tasks/tokenizer.ts'

/** Import of examples, and prompts as a base model gets them. The file and the tokenizer used last are remembered, for previews that follow each other. */
export interface TaskImporter {
  /** What a file of examples holds. */
  describe(path: string): { readonly source: TaskSource | null; readonly problems: readonly Problem[] }
  /** What a mapping, or a draft of one, would make; with prompts where a base model is given. */
  preview(draft: unknown, base: BaseModel | null): TaskImportPreview
  run(mapping: TaskMapping): Promise<{ readonly id: string | null; readonly problems: readonly Problem[] }>
  /** An example as a base model gets it. */
  render(
    base: BaseModel,
    file: TaskFile,
    example: Example,
  ): { readonly rendered: RenderedPrompt | null; readonly problems: readonly Problem[] }
}

/** Examples and prompts that a preview shows. */
const shownExamples = 20
const shownPrompts = 3

/** An importer into `tasks`. */
export function createTaskImporter(tasks: Pick<TaskStore, 'list' | 'addImported'>): TaskImporter {
  const sources = createRecent(stampOf, (path: string) => readSource(path))
  const tokenizers = createRecent(
    (base: BaseModel) => `${base.id} ${base.contentHash} ${base.path}`,
    (base) => openFor(base),
  )

  const render: TaskImporter['render'] = (base, file, example) =>
    refusable(
      () => {
        const encoded = renderExample(tokenizers.get(base), file, example, {
          maxPositions: base.maxPositions,
          newTokens: file.maxNewTokens,
        })
        return { rendered: encoded, problems: [] }
      },
      (problems) => ({ rendered: null, problems }),
    )

  return {
    describe: (path) =>
      refusable(
        () => ({ source: describeSource(sources.get(path)), problems: [] }),
        (problems) => ({ source: null, problems }),
      ),
    preview: (draft, base) =>
      refusable(
        () => {
          const mapping = parseMapping(draft)
          if (isProblems(mapping)) return emptyPreview(mapping)
          const imported = importTask(mapping, sources.get(mapping.path))
          const preview = previewOf(imported, takenProblems(mapping.id, tasks))
          return base && imported.file
            ? withPrompts(preview, preview.examples.slice(0, shownPrompts), render.bind(null, base, imported.file))
            : preview
        },
        (problems) => emptyPreview(problems),
      ),
    run: async (mapping) => {
      const imported = refusable(
        () => importTask(mapping, sources.get(mapping.path)),
        (problems) => problems,
      )
      if (isProblems(imported)) return { id: null, problems: imported }
      const { file, examples, problems } = imported
      return file ? tasks.addImported(file, examples, problems) : { id: null, problems }
    },
    render,
  }
}

function previewOf(imported: ImportedTask, taken: readonly Problem[]): TaskImportPreview {
  const { file, examples, labels, problems } = imported
  const { counts, duplicates, leaks, problems: found } = checkExamples(file ?? {}, examples)
  const shown = splits.flatMap((split) => examples[split].slice(0, shownExamples)).slice(0, shownExamples)
  return {
    counts,
    duplicates,
    leaks,
    labels: [...labels],
    prompts: [],
    examples: [...shown],
    problems: [...problems, ...(hasError(problems) ? [] : found), ...taken],
  }
}

function withPrompts(
  preview: TaskImportPreview,
  examples: readonly Example[],
  render: (example: Example) => ReturnType<TaskImporter['render']>,
): TaskImportPreview {
  const rendered = examples.map(render)
  const [failed] = rendered.filter(({ problems }) => problems.length > 0)
  return {
    ...preview,
    prompts: rendered.flatMap((prompt) => (prompt.rendered ? [prompt.rendered] : [])),
    problems: [...preview.problems, ...(failed?.problems ?? [])],
  }
}

function openFor(base: BaseModel): PromptTokenizer {
  const tokenizer = openTokenizer(base.path)
  const mismatch = checkVocabulary(tokenizer, base.vocabulary)
  if (mismatch) throw new Refusal([mismatch])
  return tokenizer
}

function takenProblems(id: string, tasks: Pick<TaskStore, 'list'>): readonly Problem[] {
  const taken = tasks.list().find((task) => task.id.toLowerCase() === id.toLowerCase())
  if (!taken) return []
  return [
    errorProblem('task-exists', `The library has a task "${taken.id}" already.`, {
      where: { field: 'id', value: id },
      hint: 'Choose another id.',
    }),
  ]
}

function emptyPreview(problems: readonly Problem[]): TaskImportPreview {
  const counts = { train: 0, validation: 0, test: 0 }
  return { counts, duplicates: 0, leaks: 0, labels: [], prompts: [], examples: [], problems: [...problems] }
}

/** Tells one state of a file from another; a file that is not there is read, which says so. */
function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats ? `${path} ${stats.size} ${stats.mtimeMs}` : path
}

function isProblems(value: object): value is readonly Problem[] {
  return Array.isArray(value)
}

function refusable<T, Refused>(work: () => T, refused: (problems: readonly Problem[]) => Refused): T | Refused {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refused(error.problems)
  }
}
