import type Database from 'better-sqlite3'
import { errorProblem, type Problem } from '../contract/problems.ts'

/** Rows of the given ids, and a problem for each id that names no adapter. */
export type FindSeqs = (ids: readonly string[]) => { readonly seqs: readonly number[]; readonly problems: readonly Problem[] }

/** Looks up ids in `db`. */
export function createSeqs(db: Database.Database): FindSeqs {
  const seqOf = db.prepare<[string], { seq: number }>('SELECT seq FROM adapters WHERE id = ?')
  return (ids) => {
    const seqs: number[] = []
    const problems: Problem[] = []
    for (const id of new Set(ids)) {
      const row = seqOf.get(id)
      if (row) seqs.push(row.seq)
      else problems.push(unknownAdapter(id))
    }
    return { seqs, problems }
  }
}

/** The problem of an id that names no adapter. */
export function unknownAdapter(id: string): Problem {
  return errorProblem('adapter-unknown', `The library has no adapter with the id "${shortened(id)}".`, {
    where: { field: 'id', value: shortened(id) },
    hint: 'It may have been removed from the library. Import it again.',
  })
}

/** What a person or a window gave as a name, short enough to be shown. */
export function shortened(text: string): string {
  return text.slice(0, 100)
}
