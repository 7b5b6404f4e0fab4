import { resolve } from 'node:path'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { TaskMapping } from '../contract/task.ts'
import type { Services } from '../ipc/services.ts'
import { createTaskImporter } from '../ipc/task-import.ts'
import { defaultTaskSeed, titleOf } from '../tasks/parse-task.ts'
import { outcome, type Arguments, type Outcome } from './command.ts'
import { exampleTable, labelTable, taskTable } from './task-lines.ts'

/**
 * Imports a file of examples. What the options leave open is as the file itself suggests; `--preview` says what would be made of it. The arguments
 * were checked against the table of the command.
 */
export async function importExamples({ library, emit }: Services, file: string, given: Arguments): Promise<Outcome> {
  const importer = createTaskImporter(library.tasks)
  const path = resolve(file)
  const { source, problems } = importer.describe(path)
  if (!source) return outcome({ id: null, problems }, [], problems)
  const names = labelNames(given.values('label'))
  const mapping = mappingOf(path, source.suggested, given, names.names)
  const refused = [...names.problems, ...(mapping ? [] : [noMapping(path, source.fields)])]
  if (refused.length > 0) return outcome({ id: null, source, problems: refused }, [], refused)
  const preview = importer.preview(mapping, null)
  const shown = [...countLines(preview.counts), ...(preview.labels.length > 0 ? labelTable(preview.labels) : [])]
  if (given.has('preview')) return outcome({ mapping, ...preview }, [...shown, ...exampleTable(preview.examples)], preview.problems)
  const blocking = preview.problems.filter(({ severity }) => severity === 'error')
  if (blocking.length > 0) return outcome({ id: null, mapping, problems: blocking }, [], blocking)
  // The preview has checked the draft by the same table that makes it a mapping.
  const made = await importer.run(mapping as Parameters<typeof importer.run>[0])
  emit('tasks.changed', {})
  const task = made.id === null ? null : library.tasks.get(made.id)
  return outcome({ ...made, mapping, task }, task ? [...taskTable([task]), ...shown] : [], made.problems)
}

/** The suggested mapping with what the options say in its place; null where neither names the question and the answer. */
function mappingOf(
  path: string,
  suggested: TaskMapping | null,
  given: Arguments,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> | null {
  const inputs = given.values('input')
  const target = given.value('target') ?? suggested?.target
  if (target === undefined || (inputs.length === 0 && !suggested)) return null
  const systemField = systemOf(suggested, given, inputs)
  const free = (suggested?.inputs ?? []).filter((name) => name !== target && name !== systemField)
  const answer = given.value('answer') ?? suggested?.answer ?? 'short'
  const usual = answer === suggested?.answer ? suggested.metric : ({ choice: 'choice_accuracy', long: 'rouge_l' }[answer] ?? 'exact_match')
  const id = given.value('id') ?? suggested?.id ?? 'task'
  return {
    path,
    id,
    title: given.value('title') ?? titleOf(id),
    instruction: given.value('instruction') ?? '',
    systemField,
    inputs: inputs.length > 0 ? inputs : free,
    target,
    answer,
    metric: given.value('metric') ?? usual,
    maxNewTokens: numberOf(given, 'max-new-tokens') ?? null,
    labelNames: { ...(answer === suggested?.answer && target === suggested.target ? suggested.labelNames : {}), ...labels },
    split: splitOf(suggested, given),
  }
}

/** An instruction given as a text, or a field used as input, takes the place of a field that was suggested. */
function systemOf(suggested: TaskMapping | null, given: Arguments, inputs: readonly string[]): string | null {
  const field = given.value('system') ?? (given.has('instruction') ? null : (suggested?.systemField ?? null))
  return field !== null && !given.has('system') && inputs.includes(field) ? null : field
}

/** Counts given as numbers take the place of a field that was suggested. */
function splitOf(suggested: TaskMapping | null, given: Arguments): TaskMapping['split'] {
  const counted = ['seed', 'train', 'validation', 'test'].some((name) => given.has(name))
  return {
    seed: numberOf(given, 'seed') ?? suggested?.split.seed ?? defaultTaskSeed,
    train: numberOf(given, 'train') ?? suggested?.split.train ?? 0,
    validation: numberOf(given, 'validation') ?? suggested?.split.validation ?? 0,
    test: numberOf(given, 'test') ?? null,
    field: given.value('split-field') ?? (counted ? null : (suggested?.split.field ?? null)),
  }
}

function numberOf(given: Arguments, name: string): number | undefined {
  const text = given.value(name)
  return text === undefined ? undefined : Number(text)
}

function labelNames(words: readonly string[]): { readonly names: Readonly<Record<string, string>>; readonly problems: readonly Problem[] } {
  const pairs = words.map((word) => ({ word, at: word.indexOf('=') }))
  return {
    names: Object.fromEntries(pairs.filter(({ at }) => at > 0).map(({ word, at }) => [word.slice(0, at), word.slice(at + 1)])),
    problems: pairs
      .filter(({ at }) => at <= 0)
      .map(({ word }) =>
        errorProblem('mapping-invalid', `--label is "${word}".`, {
          where: { field: 'label', value: word },
          hint: 'Write --label FOUND=BECOMES.',
        }),
      ),
  }
}

function countLines(counts: Readonly<Record<'train' | 'validation' | 'test', number>>): readonly string[] {
  return [`${counts.train} for training, ${counts.validation} for validation, ${counts.test} for testing`]
}

function noMapping(path: string, fields: readonly { readonly name: string }[]): Problem {
  return errorProblem('mapping-invalid', 'It is not clear which field is the question and which the answer.', {
    where: { path },
    allowed: fields.map(({ name }) => name),
    hint: `Name them with --input and --target. The fields are: ${fields.map(({ name }) => name).join(', ')}.`,
  })
}
