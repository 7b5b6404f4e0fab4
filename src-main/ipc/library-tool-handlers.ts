import * as v from 'valibot'
import { libraryQuerySchema } from '../contract/library-query.ts'
import type { Problem } from '../contract/problems.ts'
import { exportMetadata } from './export-metadata.ts'
import type { Handlers } from './serve.ts'
import type { Services } from './services.ts'

type LibraryToolRequest =
  | 'library.undo'
  | 'library.undoable'
  | 'library.relink'
  | 'library.watching'
  | 'library.exportMetadata'
  | `collections.${'list' | 'create' | 'rename' | 'remove' | 'edit'}`
  | `views.${'list' | 'save' | 'remove'}`

/** Requests of the library's own tools: collections, saved views, taking edits back, finding moved files, writing metadata. */
export function libraryToolHandlers(
  services: Pick<Services, 'library' | 'importer' | 'watcher' | 'emit'>,
  permitted: (...paths: readonly string[]) => Promise<void>,
): Pick<Handlers, LibraryToolRequest> {
  const { library, importer, watcher, emit } = services
  const { adapters, collections, views, journal } = library
  /** Tells the windows that collections or views changed, and with them the rows of `ids`. */
  const changed = <T>(answer: T, ids: readonly string[] = []): T => {
    emit('library.toolsChanged', {})
    if (ids.length > 0) emit('library.changed', { ids: [...ids] })
    return answer
  }
  const membersOf = (id: string): readonly string[] =>
    adapters.ids(v.parse(libraryQuerySchema, { filters: [{ facet: 'collection', values: [id] }] }))
  const outcome = (problems: readonly Problem[]) => ({ problems })
  return {
    'library.undo': () => {
      const undone = journal.undo()
      return undone ? changed({ undone: undone.label, problems: [] }, undone.ids) : { undone: null, problems: [] }
    },
    'library.undoable': () => journal.undoable(),
    'library.relink': async ({ paths }) => {
      await permitted(...paths)
      return importer.relink(paths)
    },
    'library.watching': () => watcher.state(),
    'library.exportMetadata': async ({ ids, folder }) => {
      await permitted(folder)
      return exportMetadata(adapters, ids, folder)
    },

    'collections.list': () => collections.list(),
    'collections.create': ({ name }) => changed(collections.create(name)),
    'collections.rename': ({ id, name }) => changed(outcome(collections.rename(id, name)), membersOf(id)),
    'collections.remove': ({ id }) => {
      const members = membersOf(id)
      return changed(outcome(collections.remove(id)), members)
    },
    'collections.edit': ({ ids, add, remove }) => changed(outcome(collections.edit(ids, add, remove)), ids),

    'views.list': () => views.list(),
    'views.save': (view) => changed(views.save(view)),
    'views.remove': ({ id }) => changed(outcome(views.remove(id))),
  }
}
