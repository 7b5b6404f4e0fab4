import type Database from 'better-sqlite3'
import type { Problem } from '../contract/problems.ts'
import type { EditJournal } from './edit-journal.ts'
import { createSeqs } from './find-seqs.ts'
import type { Links } from './links.ts'

export { unknownAdapter } from './find-seqs.ts'

/** What a person changes about adapters. Every answer is the list of problems, empty when it is done. */
export interface AdapterEdits {
  setName(id: string, name: string): readonly Problem[]
  setNotes(id: string, notes: string): readonly Problem[]
  setFavourite(ids: readonly string[], favourite: boolean): readonly Problem[]
  /** Adds and removes tags as one edit that can be taken back; letter case does not make another tag. */
  editTags(ids: readonly string[], add: readonly string[], remove: readonly string[]): readonly Problem[]
  /** Forgets adapters. Files are never touched. */
  remove(ids: readonly string[]): readonly Problem[]
}

/** Longest tag; longer ones are cut. */
const maxTagLength = 100

/** Edits over the tables of `db`. */
export function createEdits(db: Database.Database, links: Links, journal: EditJournal): AdapterEdits {
  const seqsOf = createSeqs(db)
  const setName = db.prepare('UPDATE adapters SET name = ? WHERE seq = ?')
  const setNotes = db.prepare('UPDATE adapters SET notes = ? WHERE seq = ?')
  const setFavourite = db.prepare('UPDATE adapters SET favourite = ? WHERE seq = ?')
  const remove = db.prepare('DELETE FROM adapters WHERE seq = ?')

  /** Applies `edit` to every adapter that exists, in one transaction, and answers for those that do not. */
  const each = db.transaction((ids: readonly string[], edit: (seq: number) => void): readonly Problem[] => {
    const { seqs, problems } = seqsOf(ids)
    seqs.forEach(edit)
    return problems
  }).immediate

  return {
    setName: (id, name) => each([id], (seq) => void setName.run(name, seq)),
    setNotes: (id, notes) => each([id], (seq) => void setNotes.run(notes, seq)),
    setFavourite: (ids, favourite) => each(ids, (seq) => void setFavourite.run(favourite ? 1 : 0, seq)),
    editTags(ids, add, drop) {
      const { seqs, problems } = seqsOf(ids)
      journal.edit('tags', [
        ...cleanTags(add).map((key) => ({ action: 'link', key, seqs }) as const),
        ...cleanTags(drop).map((key) => ({ action: 'unlink', key, seqs }) as const),
      ])
      return problems
    },
    remove(ids) {
      const problems = each(ids, (seq) => void remove.run(seq))
      links.dropUnusedTags()
      return problems
    },
  }
}

function cleanTags(names: readonly string[]): string[] {
  return names.map((name) => name.replaceAll(/\s+/g, ' ').trim().slice(0, maxTagLength)).filter((name) => name !== '')
}
