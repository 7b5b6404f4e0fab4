import { resolve } from 'node:path'
import { metricIds } from '../contract/metrics.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import { answerKinds, splits, type Split, type Task } from '../contract/task.ts'
import type { Services } from '../ipc/services.ts'
import { createTaskImporter } from '../ipc/task-import.ts'
import { exitCodes, outcome, type Arguments, type Command, type Outcome } from './command.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'
import { importExamples } from './task-import.ts'
import { exampleTable, promptLines, taskFacts, taskTable } from './task-lines.ts'

interface Action {
  readonly takes: string
  readonly words: number
  run(services: Services, words: readonly string[], given: Arguments): Promise<Outcome>
}

/** What can be done with tasks: what each action takes, and how. */
const actions: Readonly<Record<string, Action>> = {
  add: { takes: 'PATH', words: 1, run: (services, [path = '']) => add(services, resolve(path)) },
  ls: {
    takes: '',
    words: 0,
    async run({ library: { tasks } }) {
      const list = tasks.list()
      return outcome(list, list.length > 0 ? taskTable(list) : ['No tasks.'])
    },
  },
  show: { takes: 'ID', words: 1, run: (services, [id = ''], given) => show(services, id, given) },
  split: { takes: 'ID --seed N', words: 1, run: (services, [id = ''], given) => deal(services, id, given) },
  import: { takes: 'FILE', words: 1, run: (services, [file = ''], given) => importExamples(services, file, given) },
  remove: {
    takes: 'ID',
    words: 1,
    async run({ library: { tasks }, emit }, [id = '']) {
      const problems = tasks.remove(id)
      emit('tasks.changed', {})
      return outcome({ tasks: tasks.list(), problems }, problems.length > 0 ? [] : [`Removed ${id}.`], problems)
    },
  },
}

/** `task`: adds, lists, shows, splits, imports and removes tasks. */
export const taskCommand: Command = {
  name: 'task',
  summary: 'Add, list, show, split, import and remove tasks.',
  takes: 'ACTION ...',
  least: 1,
  most: Infinity,
  options: [
    { name: 'split', value: 'SPLIT', allowed: splits, help: 'show: examples of this split; test when not given.' },
    { name: 'limit', value: 'N', help: 'show: so many examples; 5 when not given.' },
    { name: 'base', value: 'BASE', help: 'show: the examples as this base model gets them, by its name, id or folder.' },
    { name: 'seed', value: 'N', help: 'split, import: seed by which examples are dealt out.' },
    { name: 'train', value: 'N', help: 'split, import: examples for training.' },
    { name: 'validation', value: 'N', help: 'split, import: examples for validation.' },
    { name: 'test', value: 'N', help: 'import: examples for testing; the rest when not given.' },
    { name: 'input', value: 'FIELD', repeatable: true, help: 'import: a field of the question.' },
    { name: 'target', value: 'FIELD', help: 'import: the field of the answer.' },
    { name: 'system', value: 'FIELD', help: 'import: the field of the instruction, the same in all rows.' },
    { name: 'instruction', value: 'TEXT', help: 'import: the instruction.' },
    { name: 'id', value: 'ID', help: 'import: id of the task; the name of the file when not given.' },
    { name: 'title', value: 'TEXT', help: 'import: title of the task.' },
    { name: 'answer', value: 'KIND', allowed: answerKinds, help: 'import: kind of answer.' },
    { name: 'metric', value: 'METRIC', allowed: metricIds, help: "import: the task's metric." },
    { name: 'max-new-tokens', value: 'N', help: 'import: most tokens of an answer.' },
    { name: 'label', value: 'FOUND=BECOMES', repeatable: true, help: 'import: another name for a label.' },
    { name: 'split-field', value: 'FIELD', help: 'import: the field that says train, validation or test.' },
    { name: 'preview', help: 'import: say what would be made, and make nothing.' },
  ],
  notes: () => [
    ...formatTable(Object.entries(actions).map(([name, { takes }]) => [`  task ${name} ${takes}`])),
    '',
    'A task is a file NAME.task.json with NAME.train.jsonl, NAME.validation.jsonl and NAME.test.jsonl; "add" takes one or a folder of them.',
    '"import" takes JSONL, JSON, CSV, Alpaca and chat files; what the options leave open is as the file suggests.',
  ],
  run: (given, context) => {
    const [name = '', ...words] = given.positionals
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    const wrong = wrongUse(name, action, words, given)
    if (!action || wrong) return Promise.resolve(wrong ?? usage('', name))
    return withSession(given.value('library'), context, ({ services }) => action.run(services, words, given))
  },
}

async function add({ library: { tasks }, emit }: Services, path: string): Promise<Outcome> {
  const { ids, problems } = await tasks.add(path)
  emit('tasks.changed', {})
  const added = ids.map((id) => tasks.get(id)).filter((task): task is Task => task !== null)
  return outcome({ ids, tasks: added, problems }, added.length > 0 ? taskTable(added) : [], problems)
}

async function show(services: Services, id: string, given: Arguments): Promise<Outcome> {
  const { tasks, bases } = services.library
  const split = (given.value('split') ?? 'test') as Split
  const examples = tasks.examples(id, split).slice(0, Number(given.value('limit') ?? 5))
  const task = tasks.get(id)
  const reference = given.value('base')
  const facts = task ? [...taskFacts(task), ''] : []
  if (reference === undefined)
    return outcome({ task, split, examples, problems: task?.problems ?? [] }, [...facts, ...exampleTable(examples)], task?.problems)
  const found = bases.find(reference)
  const base = 'code' in found ? null : bases.get(found.id)
  if (!base) {
    const problems = 'code' in found ? [found] : []
    return outcome({ task, split, examples, prompts: [], problems }, [], problems)
  }
  const importer = createTaskImporter(tasks)
  const rendered = examples.map((example) => importer.render(base, tasks.file(id), example))
  const prompts = rendered.flatMap((one) => (one.rendered ? [one.rendered] : []))
  const problems: readonly Problem[] = [...(task?.problems ?? []), ...(rendered.find((one) => one.problems.length > 0)?.problems ?? [])]
  return outcome({ task, split, examples, prompts, problems }, [...facts, ...prompts.flatMap(promptLines)], problems)
}

async function deal({ library: { tasks }, emit }: Services, id: string, given: Arguments): Promise<Outcome> {
  const count = (name: string): number | undefined => (given.has(name) ? Number(given.value(name)) : undefined)
  const problems = await tasks.deal(id, { seed: Number(given.value('seed')), train: count('train'), validation: count('validation') })
  emit('tasks.changed', {})
  const task = tasks.get(id)
  return outcome({ task, problems }, task ? taskTable([task]) : [], problems)
}

/** Options that are whole numbers from 0 on; what they may be further is checked where they are used. */
const wholeNumbers = ['limit', 'seed', 'train', 'validation', 'test', 'max-new-tokens']

function wrongUse(name: string, action: Action | undefined, words: readonly string[], given: Arguments): Outcome | undefined {
  if (!action) return usage(`There is no action "${name}". ${didYouMean(name, Object.keys(actions))}`, name)
  if (words.length !== action.words) return usage(`"task ${name}" takes ${action.takes === '' ? 'nothing more' : action.takes}.`, name)
  if (name === 'split' && !given.has('seed')) return usage('"task split" needs --seed N.', name)
  const wrong = wholeNumbers.find((option) => given.has(option) && !/^\d{1,15}$/.test(given.value(option) ?? ''))
  return wrong === undefined ? undefined : usage(`--${wrong} is "${given.value(wrong)}"; it must be a whole number.`, wrong)
}

function usage(message: string, value: string): Outcome {
  const problem = errorProblem('request-invalid', message, { where: { value } })
  return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
}
