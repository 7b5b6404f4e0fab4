import { resolve } from 'node:path'
import { errorProblem } from '../contract/problems.ts'
import { exportMetadata } from '../ipc/export-metadata.ts'
import { exitCodes, outcome, type Command } from './command.ts'
import { findAdapters } from './find-adapters.ts'
import { formatTable } from './format.ts'
import { waitForImport } from './import.ts'
import { withSession } from './session.ts'

/** `relink PATH...`: finds the files of missing adapters again. */
export const relinkCommand: Command = {
  name: 'relink',
  summary: 'Find the files of missing adapters again, by their content.',
  takes: 'PATH...',
  least: 1,
  most: Infinity,
  options: [],
  notes: () => ['Looks for files that moved since the library last saw them; nothing new is imported.'],
  run: (given, context) =>
    withSession(given.value('library'), context, async (session) => {
      const { importer } = session.services
      // What moved away is missing only once somebody has looked.
      await importer.rescan()
      const started = importer.relink(given.positionals.map((path) => resolve(path)))
      const { counts, items } = await waitForImport(session, started, context)
      const found = items.filter(({ status }) => status === 'duplicate').map(({ path, id }) => ({ path, id }))
      const problems = items.filter(({ status }) => status === 'refused').flatMap((item) => item.problems)
      const left = session.services.library.adapters.paths.missingIds().length
      const words = `${found.length} found again, ${left} still missing`
      return outcome(
        { counts, found, missing: left, problems },
        [...formatTable(found.map(({ path, id }) => [id ?? '', path])), words],
        problems,
      )
    }),
}

/** `undo`: takes back the newest edit of tags or collections. */
export const undoCommand: Command = {
  name: 'undo',
  summary: 'Take back the newest edit of tags or collections.',
  takes: '',
  least: 0,
  most: 0,
  options: [],
  run: (given, context) =>
    withSession(given.value('library'), context, async ({ services: { library } }) => {
      const undone = library.journal.undo()
      return outcome({ undone: undone?.label ?? null }, [undone ? `Taken back: ${undone.label}.` : 'There is nothing to take back.'])
    }),
}

/** `metadata ID... --out DIR`: writes what the library knows of adapters as JSON files. */
export const metadataCommand: Command = {
  name: 'metadata',
  summary: 'Write names, tags, collections, notes, hashes and lineage of adapters as JSON files.',
  takes: 'ID...',
  least: 1,
  most: Infinity,
  options: [{ name: 'out', value: 'DIR', help: 'The folder for the files, made when missing. Nothing in it is overwritten.' }],
  async run(given, context) {
    const out = given.value('out')
    if (out === undefined) {
      const problem = errorProblem('field-missing', 'metadata needs --out DIR.', { where: { field: '--out' } })
      return { ...outcome({ problems: [problem] }, [], [problem]), exitCode: exitCodes.usage }
    }
    return withSession(given.value('library'), context, async ({ services: { library } }) => {
      const { ids, problems } = findAdapters(library.adapters, given.positionals)
      const written = await exportMetadata(library.adapters, ids, resolve(out))
      const all = [...problems, ...written.problems]
      return outcome({ paths: written.paths, problems: all }, written.paths, all)
    })
  },
}
