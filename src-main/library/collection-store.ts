import type Database from 'better-sqlite3'
import type { Collection } from '../contract/library-tools.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { EditJournal } from './edit-journal.ts'
import { createSeqs, shortened } from './find-seqs.ts'

/** Named sets of adapters; an adapter may be in many. Names are unique whatever their letter case. */
export interface CollectionStore {
  /** In the order of names. */
  list(): Collection[]
  /** The collection with this id, or with this name. */
  find(reference: string): Collection | Problem
  create(name: string): { readonly id: string | null; readonly problems: readonly Problem[] }
  rename(id: string, name: string): readonly Problem[]
  /** Forgets the collection; its adapters stay. */
  remove(id: string): readonly Problem[]
  /** Puts adapters into collections and takes them out of others, as one edit that can be taken back. An unknown collection refuses all of it. */
  edit(ids: readonly string[], add: readonly string[], remove: readonly string[]): readonly Problem[]
}

/** The collections in `db`. */
export function createCollectionStore(db: Database.Database, journal: EditJournal): CollectionStore {
  const columns = `CAST(c.collection_id AS TEXT) AS id, c.name,
    (SELECT count(*) FROM adapter_collections x WHERE x.collection_id = c.collection_id) AS count FROM collections c`
  const list = db.prepare<[], Collection>(`SELECT ${columns} ORDER BY c.name COLLATE NOCASE`)
  const byId = db.prepare<[string], Collection>(`SELECT ${columns} WHERE CAST(c.collection_id AS TEXT) = ?`)
  const byName = db.prepare<[string], Collection>(`SELECT ${columns} WHERE c.name = ?`)
  const insert = db.prepare('INSERT INTO collections (name) VALUES (?)')
  const rename = db.prepare('UPDATE collections SET name = ? WHERE collection_id = ?')
  const forget = db.prepare('DELETE FROM collections WHERE collection_id = ?')
  const seqsOf = createSeqs(db)
  const unknownOf = (id: string): Problem[] => (byId.get(id) ? [] : [unknownCollection(id, list.all())])
  const takenBy = (name: string, except?: string): Problem[] => {
    const other = byName.get(name)
    return other && other.id !== except ? [nameTaken('collection', other.name)] : []
  }
  return {
    list: () => list.all(),
    find: (reference) => byId.get(reference) ?? byName.get(reference) ?? unknownCollection(reference, list.all()),
    create(name) {
      const problems = takenBy(name)
      return problems.length > 0 ? { id: null, problems } : { id: String(insert.run(name).lastInsertRowid), problems }
    },
    rename(id, name) {
      const problems = [...unknownOf(id), ...takenBy(name, id)]
      if (problems.length === 0) rename.run(name, id)
      return problems
    },
    remove(id) {
      const problems = unknownOf(id)
      if (problems.length === 0) forget.run(id)
      return problems
    },
    edit(ids, add, remove) {
      const refused = [...add, ...remove].flatMap(unknownOf)
      if (refused.length > 0) return refused
      const { seqs, problems } = seqsOf(ids)
      journal.edit('collections', [
        ...add.map((key) => ({ action: 'link', key, seqs }) as const),
        ...remove.map((key) => ({ action: 'unlink', key, seqs }) as const),
      ])
      return problems
    },
  }
}

/** The problem of a name that something else has already. */
export function nameTaken(what: 'collection' | 'view', name: string): Problem {
  return errorProblem('name-taken', `There is a ${what} called "${name}" already.`, {
    where: { field: 'name', value: name },
    hint: 'Choose another name; capital and small letters count as the same.',
  })
}

function unknownCollection(reference: string, known: readonly Collection[]): Problem {
  return errorProblem('collection-unknown', `There is no collection "${shortened(reference)}".`, {
    where: { field: 'id', value: shortened(reference) },
    allowed: known.slice(0, 20).map(({ name }) => name),
    hint: 'It may have been removed. Make it again, or choose another one.',
  })
}
