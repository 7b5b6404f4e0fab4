import type Database from 'better-sqlite3'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { createSearchIndex } from './search-index.ts'

/** What a person changes about adapters. Every answer is the list of problems, empty when it is done. */
export interface AdapterEdits {
  setName(id: string, name: string): readonly Problem[]
  setNotes(id: string, notes: string): readonly Problem[]
  setFavourite(ids: readonly string[], favourite: boolean): readonly Problem[]
  /** Adds and removes tags; letter case does not make another tag. */
  editTags(ids: readonly string[], add: readonly string[], remove: readonly string[]): readonly Problem[]
  /** Forgets adapters. Files are never touched. */
  remove(ids: readonly string[]): readonly Problem[]
}

/** Longest tag; longer ones are cut. */
const maxTagLength = 100

/** Edits over the tables of `db`. */
export function createEdits(db: Database.Database): AdapterEdits {
  const search = createSearchIndex(db)
  const seqOf = db.prepare<[string], { seq: number }>('SELECT seq FROM adapters WHERE id = ?')
  const setName = db.prepare('UPDATE adapters SET name = ? WHERE seq = ?')
  const setNotes = db.prepare('UPDATE adapters SET notes = ? WHERE seq = ?')
  const setFavourite = db.prepare('UPDATE adapters SET favourite = ? WHERE seq = ?')
  const makeTag = db.prepare('INSERT OR IGNORE INTO tags (name) VALUES (?)')
  const tag = db.prepare('INSERT OR IGNORE INTO adapter_tags (adapter_seq, tag_id) SELECT ?, tag_id FROM tags WHERE name = ?')
  const untag = db.prepare('DELETE FROM adapter_tags WHERE adapter_seq = ? AND tag_id = (SELECT tag_id FROM tags WHERE name = ?)')
  const dropUnusedTags = db.prepare('DELETE FROM tags WHERE tag_id NOT IN (SELECT tag_id FROM adapter_tags)')
  const remove = db.prepare('DELETE FROM adapters WHERE seq = ?')

  /** Applies `edit` to every adapter that exists, in one transaction, and answers for those that do not. */
  const each = db.transaction((ids: readonly string[], edit: (seq: number) => void): readonly Problem[] =>
    ids.flatMap((id) => {
      const row = seqOf.get(id)
      if (!row) return [unknownAdapter(id)]
      edit(row.seq)
      return []
    }),
  )
  const editText = (id: string, statement: Database.Statement, text: string) =>
    each([id], (seq) => {
      statement.run(text, seq)
      search.update(seq)
    })

  return {
    setName: (id, name) => editText(id, setName, name),
    setNotes: (id, notes) => editText(id, setNotes, notes),
    setFavourite: (ids, favourite) => each(ids, (seq) => void setFavourite.run(favourite ? 1 : 0, seq)),
    editTags(ids, add, drop) {
      const added = cleanTags(add)
      const dropped = cleanTags(drop)
      for (const name of added) makeTag.run(name)
      const problems = each(ids, (seq) => {
        for (const name of added) tag.run(seq, name)
        for (const name of dropped) untag.run(seq, name)
        search.update(seq)
      })
      dropUnusedTags.run()
      return problems
    },
    remove(ids) {
      const problems = each(ids, (seq) => {
        search.remove(seq)
        remove.run(seq)
      })
      dropUnusedTags.run()
      return problems
    },
  }
}

/** The problem of an id that names no adapter. */
export function unknownAdapter(id: string): Problem {
  return errorProblem('adapter-unknown', `The library has no adapter with the id "${id.slice(0, 100)}".`, {
    where: { field: 'id', value: id.slice(0, 100) },
    hint: 'It may have been removed from the library. Import it again.',
  })
}

function cleanTags(names: readonly string[]): string[] {
  return names.map((name) => name.replaceAll(/\s+/g, ' ').trim().slice(0, maxTagLength)).filter((name) => name !== '')
}
