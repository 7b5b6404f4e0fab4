import { randomUUID } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Undoable } from '../contract/library-tools.ts'
import type { LinkKind, Links, LinkStep } from './links.ts'

/** An edit that was taken back, and the adapters it was about. */
export interface Undone {
  readonly label: string
  readonly kind: LinkKind
  readonly ids: readonly string[]
}

/** Edits of tags and collections, with what takes them back. */
export interface EditJournal {
  /** Does `steps` in one transaction and writes down what takes them back, unless nothing changed. Answers with the ids of changed adapters. */
  edit(kind: LinkKind, steps: readonly LinkStep[]): readonly string[]
  /** The newest edit that was not taken back. */
  undoable(): Undoable
  /** Takes the newest edit back, in one transaction; what was removed meanwhile is passed over. Null when there is none. */
  undo(): Undone | null
}

/** How many edits can be taken back. */
export const keptEdits = 100

interface Reverse {
  readonly kind: LinkKind
  readonly steps: readonly LinkStep[]
}

const labels: Readonly<Record<LinkKind, string>> = { tags: 'Tags', collections: 'Collections' }

/** The journal in `db`. */
export function createEditJournal(db: Database.Database, links: Links, now: () => Date): EditJournal {
  const insert = db.prepare('INSERT INTO edits (id, label, at, reverse) VALUES (?, ?, ?, ?)')
  const prune = db.prepare('DELETE FROM edits WHERE seq NOT IN (SELECT seq FROM edits ORDER BY seq DESC LIMIT ?)')
  const newest = db.prepare<[], NonNullable<Undoable> & { seq: number }>('SELECT seq, id, label, at FROM edits ORDER BY seq DESC LIMIT 1')
  const reverseOf = db.prepare<[number], { reverse: string }>('SELECT reverse FROM edits WHERE seq = ?')
  const forget = db.prepare('DELETE FROM edits WHERE seq = ?')
  const idOf = db.prepare<[number], { id: string }>('SELECT id FROM adapters WHERE seq = ?')
  const idsOf = (steps: readonly LinkStep[]): string[] =>
    [...new Set(steps.flatMap(({ seqs }) => seqs))].flatMap((seq) => idOf.get(seq)?.id ?? [])

  /** Does the steps and answers with the changing ones of those that take them back, in the order in which to do them. */
  function apply(kind: LinkKind, steps: readonly LinkStep[]): LinkStep[] {
    if (kind === 'tags') links.makeTags(steps.flatMap(({ action, key, seqs }) => (action === 'link' && seqs.length > 0 ? [key] : [])))
    const reverse = steps.map((step) => links.apply(kind, step)).filter(({ seqs }) => seqs.length > 0)
    if (kind === 'tags') links.dropUnusedTags()
    return reverse.reverse()
  }

  return {
    edit: db.transaction((kind: LinkKind, steps: readonly LinkStep[]) => {
      const reverse = apply(kind, steps)
      const ids = idsOf(reverse)
      if (ids.length === 0) return ids
      const label = `${labels[kind]} of ${ids.length} ${ids.length === 1 ? 'adapter' : 'adapters'}`
      insert.run(randomUUID(), label, now().toISOString(), JSON.stringify({ kind, steps: reverse } satisfies Reverse))
      prune.run(keptEdits)
      return ids
    }).immediate,
    undoable() {
      const row = newest.get()
      return row ? { id: row.id, label: row.label, at: row.at } : null
    },
    undo: db.transaction(() => {
      const row = newest.get()
      if (!row) return null
      const { kind, steps } = JSON.parse(reverseOf.get(row.seq)!.reverse) as Reverse
      apply(kind, steps)
      forget.run(row.seq)
      return { label: row.label, kind, ids: idsOf(steps) }
    }).immediate,
  }
}
