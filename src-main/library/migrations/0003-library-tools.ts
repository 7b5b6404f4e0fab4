/** Collections, edits that can be taken back, saved views. What the model card calls its tags. Searches look through the catalogue in memory, so the full text goes. */
export const libraryTools = `
CREATE TABLE collections (
  collection_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;

CREATE TABLE adapter_collections (
  adapter_seq INTEGER NOT NULL REFERENCES adapters (seq) ON DELETE CASCADE,
  collection_id INTEGER NOT NULL REFERENCES collections (collection_id) ON DELETE CASCADE,
  PRIMARY KEY (adapter_seq, collection_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX adapter_collections_by_collection ON adapter_collections (collection_id);

CREATE TABLE edits (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  label TEXT NOT NULL,
  at TEXT NOT NULL,
  reverse TEXT NOT NULL
) STRICT;

CREATE TABLE saved_views (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  query TEXT NOT NULL,
  columns TEXT NOT NULL
) STRICT;

ALTER TABLE adapter_modules ADD COLUMN card_tags TEXT NOT NULL DEFAULT '[]';

DROP TABLE adapter_search;
`
