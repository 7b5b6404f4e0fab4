import type Database from 'better-sqlite3'

/** What adapters can be linked to. */
export type LinkKind = 'tags' | 'collections'

/** One thing done to the links of some adapters (by seq): `key` is a tag's name or a collection's id. */
export interface LinkStep {
  readonly action: 'link' | 'unlink'
  readonly key: string
  readonly seqs: readonly number[]
}

/** The links between adapters and tags or collections. */
export interface Links {
  /** Does one step and answers with the step that takes it back: only what really changed. Adapters and keys that do not exist are passed over. */
  apply(kind: LinkKind, step: LinkStep): LinkStep
  /** Brings tags into being; those that exist in another letter case stay as they are. */
  makeTags(names: readonly string[]): void
  /** Forgets tags that no adapter has. */
  dropUnusedTags(): void
}

const tables = {
  tags: { links: 'adapter_tags', ends: 'tags', id: 'tag_id', key: 'name' },
  collections: { links: 'adapter_collections', ends: 'collections', id: 'collection_id', key: 'collection_id' },
} as const

/** The links in `db`. */
export function createLinks(db: Database.Database): Links {
  const statements = { tags: prepareLinks(db, 'tags'), collections: prepareLinks(db, 'collections') }
  const makeTag = db.prepare('INSERT OR IGNORE INTO tags (name) VALUES (?)')
  const dropUnusedTags = db.prepare('DELETE FROM tags WHERE tag_id NOT IN (SELECT tag_id FROM adapter_tags)')
  return {
    apply(kind, { action, key, seqs }) {
      const { find, link, unlink } = statements[kind]
      const end = find.get(key)
      const statement = action === 'link' ? link : unlink
      const changed = end ? seqs.filter((seq) => statement.run(end.id, seq).changes > 0) : []
      return { action: action === 'link' ? 'unlink' : 'link', key: end?.key ?? key, seqs: changed }
    },
    makeTags(names) {
      for (const name of names) makeTag.run(name)
    },
    dropUnusedTags: () => void dropUnusedTags.run(),
  }
}

function prepareLinks(db: Database.Database, kind: LinkKind) {
  const { links, ends, id, key } = tables[kind]
  return {
    find: db.prepare<[string], { id: number; key: string }>(
      `SELECT ${id} AS id, CAST(${key} AS TEXT) AS key FROM ${ends} WHERE ${key} = ?`,
    ),
    link: db.prepare<[number, number]>(`INSERT OR IGNORE INTO ${links} (adapter_seq, ${id}) SELECT seq, ? FROM adapters WHERE seq = ?`),
    unlink: db.prepare<[number, number]>(`DELETE FROM ${links} WHERE ${id} = ? AND adapter_seq = ?`),
  }
}
