import { errorProblem, type Problem } from '../contract/problems.ts'
import { didYouMean } from '../contract/suggest.ts'
import type { Library } from '../library/open-library.ts'
import { exitCodes, outcome, type Command, type Outcome } from './command.ts'
import { findAdapters } from './find-adapters.ts'
import { formatTable } from './format.ts'
import { withSession } from './session.ts'

/** What can be done with collections: what each action takes, and how. Collections are named by their name or id. */
const actions: Readonly<
  Record<
    string,
    { readonly takes: string; readonly least: number; readonly run: (library: Library, words: readonly string[]) => readonly Problem[] }
  >
> = {
  create: { takes: 'NAME', least: 1, run: ({ collections }, [name = '']) => collections.create(name.trim()).problems },
  rename: {
    takes: 'COLLECTION NAME',
    least: 2,
    run: (library, [reference = '', name = '']) => withCollection(library, reference, (id) => library.collections.rename(id, name.trim())),
  },
  remove: {
    takes: 'COLLECTION',
    least: 1,
    run: (library, [reference = '']) => withCollection(library, reference, (id) => library.collections.remove(id)),
  },
  add: { takes: 'COLLECTION ID...', least: 2, run: (library, words) => edit(library, words, (ids, id) => [ids, [id], []]) },
  take: { takes: 'COLLECTION ID...', least: 2, run: (library, words) => edit(library, words, (ids, id) => [ids, [], [id]]) },
}

/** `collections`: lists the collections, or changes them. */
export const collectionsCommand: Command = {
  name: 'collections',
  summary: 'List the collections, or make, rename, remove and fill them.',
  takes: '[ACTION ...]',
  least: 0,
  most: Infinity,
  options: [],
  notes: () => [
    ...formatTable(Object.entries(actions).map(([name, { takes }]) => [`  collections ${name} ${takes}`])),
    '',
    'A collection is named by its name or id, an adapter by its id, name or path. "amalgam undo" takes the last add or take back.',
  ],
  run: (given, context) =>
    withSession(given.value('library'), context, async ({ services: { library } }) => {
      const [name, ...words] = given.positionals
      if (name === undefined) return listed(library)
      const action = Object.hasOwn(actions, name) ? actions[name] : undefined
      if (!action) return wrongUse(`There is no action "${name}". ${didYouMean(name, Object.keys(actions))}`, name)
      const most = action.takes.endsWith('...') ? Infinity : action.least
      if (words.length < action.least || words.length > most || words[action.takes.startsWith('NAME') ? 0 : 1]?.trim() === '')
        return wrongUse(`"collections ${name}" takes ${action.takes}.`, name)
      const problems = action.run(library, words)
      return outcome({ collections: library.collections.list(), problems }, lines(library), problems)
    }),
}

function edit(
  library: Library,
  [reference = '', ...references]: readonly string[],
  given: (ids: readonly string[], id: string) => Parameters<Library['collections']['edit']>,
): readonly Problem[] {
  return withCollection(library, reference, (id) => {
    const { ids, problems } = findAdapters(library.adapters, references)
    return [...problems, ...(ids.length > 0 ? library.collections.edit(...given(ids, id)) : [])]
  })
}

function withCollection(library: Library, reference: string, work: (id: string) => readonly Problem[]): readonly Problem[] {
  const collection = library.collections.find(reference)
  return 'code' in collection ? [collection] : work(collection.id)
}

function listed(library: Library): Outcome {
  return outcome(library.collections.list(), lines(library))
}

function lines(library: Library): readonly string[] {
  const collections = library.collections.list()
  if (collections.length === 0) return ['No collections.']
  return formatTable([['NAME', 'ADAPTERS', 'ID'], ...collections.map(({ name, count, id }) => [name, String(count), id])], [1])
}

function wrongUse(message: string, value: string): Outcome {
  const problem = errorProblem('request-invalid', message, { where: { value } })
  return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
}
