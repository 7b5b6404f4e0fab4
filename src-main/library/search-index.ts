import type Database from 'better-sqlite3'

/** Brings the full text of the given adapters (by seq) up to date: what a search looks through. */
export function createSearchIndex(db: Database.Database): {
  readonly update: (seq: number | bigint) => void
  readonly remove: (seq: number) => void
} {
  const remove = db.prepare('DELETE FROM adapter_search WHERE rowid = ?')
  const insert = db.prepare(
    `INSERT INTO adapter_search (rowid, text)
     SELECT a.seq, concat_ws(char(10), a.name, a.base_model_name, a.notes,
       (SELECT group_concat(value, char(10)) FROM json_each(a.target_modules)),
       (SELECT group_concat(t.name, char(10)) FROM adapter_tags x JOIN tags t USING (tag_id) WHERE x.adapter_seq = a.seq),
       (SELECT group_concat(path, char(10)) FROM adapter_paths WHERE adapter_seq = a.seq))
     FROM adapters a WHERE a.seq = ?`,
  )
  return {
    update(seq) {
      remove.run(seq)
      insert.run(seq)
    },
    remove: (seq) => void remove.run(seq),
  }
}
