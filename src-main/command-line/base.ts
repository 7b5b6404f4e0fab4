import type { BaseModel } from '../contract/base-model.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import type { Services } from '../ipc/services.ts'
import { baseFacts, baseTable } from './base-lines.ts'
import { exitCodes, outcome, type Arguments, type Command, type CommandContext, type Outcome } from './command.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'

interface Action {
  readonly takes: string
  readonly words: number
  run(services: Services, words: readonly string[], given: Arguments, context: CommandContext): Promise<Outcome>
}

/** What can be done with base models: what each action takes, and how. */
const actions: Readonly<Record<string, Action>> = {
  add: {
    takes: 'DIR',
    words: 1,
    run: (services, [folder = ''], given, context) => add(services, folder, given.value('name')?.trim(), context),
  },
  ls: {
    takes: '',
    words: 0,
    async run({ bases }) {
      const list = await bases.list()
      return outcome(list, list.length > 0 ? baseTable(list) : ['No base models.'])
    },
  },
  show: { takes: 'BASE', words: 1, run: (services, [reference = '']) => withBase(services, reference, async (base) => shown(base)) },
  rename: {
    takes: 'BASE NAME',
    words: 2,
    run: (services, [reference = '', name = '']) =>
      withBase(services, reference, async ({ id }) => {
        const problems = services.library.bases.rename(id, name.trim())
        return outcome(services.library.bases.get(id), [], problems)
      }),
  },
  remove: {
    takes: 'BASE',
    words: 1,
    run: ({ library }, [reference = '']) => {
      const found = library.bases.find(reference)
      const problems = 'code' in found ? [found] : library.bases.remove(found.id)
      return Promise.resolve(
        outcome({ id: 'code' in found ? null : found.id, problems }, problems.length > 0 ? [] : ['Removed.'], problems),
      )
    },
  },
}

/** `base`: adds, lists, shows, renames and forgets base models. */
export const baseCommand: Command = {
  name: 'base',
  summary: 'Add, list, show, rename and remove base models.',
  takes: 'ACTION ...',
  least: 1,
  most: Infinity,
  options: [{ name: 'name', value: 'NAME', help: "Name of a base model that is added; its folder's name when not given." }],
  notes: () => [
    ...formatTable(Object.entries(actions).map(([name, { takes }]) => [`  base ${name} ${takes}`.trimEnd()])),
    '',
    'DIR is the folder of a Hugging Face checkpoint. A base model is named by its id, its name when no other has it, or the path of its folder.',
    'Removing forgets it with its results; files are never touched.',
  ],
  run: (given, context) => {
    const [name = '', ...words] = given.positionals
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (!action) return Promise.resolve(wrongUse(`There is no action "${name}". ${didYouMean(name, Object.keys(actions))}`, name))
    if (words.length !== action.words || words.some((word) => word.trim() === ''))
      return Promise.resolve(wrongUse(`"base ${name}" takes ${action.takes || 'nothing more'}.`, name))
    return withSession(given.value('library'), context, ({ services }) => action.run(services, words, given, context))
  },
}

/** Adds a base model and waits for its hash, so that it can be used at once. Stopped, it stays listed, and the app hashes it when it runs next. */
async function add({ bases, library }: Services, folder: string, name: string | undefined, context: CommandContext): Promise<Outcome> {
  const added = await bases.add(folder)
  if (added.id === null) return outcome({ problems: added.problems }, [], added.problems)
  context.progress('hashing')
  const { signal } = context
  const stopped = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
  const id = signal.aborted ? null : await Promise.race([bases.settled(added.id), stopped])
  if (id === null) return cancelled()
  if (name !== undefined && name !== '') library.bases.rename(id, name)
  await library.bases.readShapes()
  const base = library.bases.get(id)
  if (!base) return outcome({ problems: added.problems }, [], added.problems)
  return outcome(base, baseFacts(base), base.problems)
}

async function withBase(services: Services, reference: string, work: (base: BaseModel) => Promise<Outcome>): Promise<Outcome> {
  const list = await services.bases.list()
  const found = services.library.bases.find(reference)
  const base = 'code' in found ? undefined : list.find(({ id }) => id === found.id)
  const problems: readonly Problem[] = 'code' in found ? [found] : []
  return base ? work(base) : outcome({ problems }, [], problems)
}

/** Showing is done well whatever is wrong with the base model. */
function shown(base: BaseModel): Outcome {
  return { ...outcome(base, baseFacts(base)), problems: base.problems }
}

function cancelled(): Outcome {
  const problems = [errorProblem('cancelled', 'The base model was added, but its files were not hashed to the end.')]
  return outcome({ problems }, [], problems)
}

function wrongUse(message: string, value: string): Outcome {
  const problem = errorProblem('request-invalid', message, { where: { value } })
  return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
}
