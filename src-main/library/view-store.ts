import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import * as v from 'valibot'
import { libraryQuerySchema } from '../contract/library-query.ts'
import type { SavedView } from '../contract/library-tools.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { nameTaken } from './collection-store.ts'
import { shortened } from './find-seqs.ts'

/** Library queries with their columns, under names that are unique whatever their letter case. */
export interface ViewStore {
  /** In the order in which they were made. */
  list(): SavedView[]
  /** A new view (id null), or another state of one that is there. */
  save(view: Omit<SavedView, 'id'> & { readonly id: string | null }): { readonly id: string | null; readonly problems: readonly Problem[] }
  remove(id: string): readonly Problem[]
}

interface StoredView {
  readonly id: string
  readonly name: string
  readonly query: string
  readonly columns: string
}

/** The views in `db`. */
export function createViewStore(db: Database.Database): ViewStore {
  const list = db.prepare<[], StoredView>('SELECT id, name, query, columns FROM saved_views ORDER BY seq')
  const byName = db.prepare<[string], StoredView>('SELECT id, name, query, columns FROM saved_views WHERE name = ?')
  const insert = db.prepare('INSERT INTO saved_views (name, query, columns, id) VALUES (?, ?, ?, ?)')
  const update = db.prepare('UPDATE saved_views SET name = ?, query = ?, columns = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM saved_views WHERE id = ?')
  return {
    list: () => list.all().flatMap(viewOf),
    save({ id, name, query, columns }) {
      const other = byName.get(name)
      if (other && other.id !== id) return { id: null, problems: [nameTaken('view', other.name)] }
      const values = [name, JSON.stringify({ ...query, offset: 0 }), JSON.stringify(columns)]
      if (id === null) {
        const made = randomUUID()
        insert.run(...values, made)
        return { id: made, problems: [] }
      }
      return update.run(...values, id).changes > 0 ? { id, problems: [] } : { id: null, problems: [unknownView(id)] }
    },
    remove: (id) => (remove.run(id).changes > 0 ? [] : [unknownView(id)]),
  }
}

/** A view whose query this version does not understand (another version wrote it) is not offered, and not lost either. */
function viewOf({ id, name, query, columns }: StoredView): SavedView[] {
  const parsed = v.safeParse(libraryQuerySchema, JSON.parse(query))
  return parsed.success ? [{ id, name, query: parsed.output, columns: JSON.parse(columns) as string[] }] : []
}

function unknownView(id: string): Problem {
  return errorProblem('view-unknown', `There is no saved view with the id "${shortened(id)}".`, {
    where: { field: 'id', value: shortened(id) },
    hint: 'It may have been removed. Save it again under a name of its own.',
  })
}
