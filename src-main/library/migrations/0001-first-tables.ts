/** The library's first tables. Never edited: a change is a new numbered file. */
export const firstTables = `
CREATE TABLE adapters (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  content_hash TEXT UNIQUE,
  tensor_hash TEXT,
  base_model_name TEXT,
  ranks TEXT NOT NULL,
  alphas TEXT NOT NULL,
  scaling TEXT NOT NULL,
  target_modules TEXT NOT NULL,
  layers INTEGER NOT NULL,
  max_rank INTEGER,
  max_scaling REAL,
  dtype TEXT,
  size_bytes INTEGER NOT NULL,
  update_norm REAL,
  variant TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('checking', 'ok', 'missing', 'refused')),
  use_rslora INTEGER NOT NULL CHECK (use_rslora IN (0, 1)),
  favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
  origin TEXT NOT NULL,
  licence TEXT,
  notes TEXT NOT NULL DEFAULT '',
  added_at TEXT NOT NULL,
  problems TEXT NOT NULL,
  warnings INTEGER NOT NULL,
  screens TEXT NOT NULL
) STRICT;

CREATE INDEX adapters_by_tensor_hash ON adapters (tensor_hash, seq);
CREATE INDEX adapters_by_name ON adapters (name COLLATE NOCASE, seq);
CREATE INDEX adapters_by_base ON adapters (base_model_name IS NULL, base_model_name COLLATE NOCASE, seq);
CREATE INDEX adapters_by_rank ON adapters (max_rank IS NULL, max_rank, seq);
CREATE INDEX adapters_by_scaling ON adapters (max_scaling IS NULL, max_scaling, seq);
CREATE INDEX adapters_by_norm ON adapters (update_norm IS NULL, update_norm, seq);
CREATE INDEX adapters_by_size ON adapters (size_bytes, seq);
CREATE INDEX adapters_by_status ON adapters (status, seq);
CREATE INDEX adapters_by_added ON adapters (added_at, seq);

CREATE TABLE adapter_modules (
  adapter_seq INTEGER PRIMARY KEY REFERENCES adapters (seq) ON DELETE CASCADE,
  modules TEXT NOT NULL,
  norms TEXT,
  ignored_tensors TEXT NOT NULL,
  config TEXT
) STRICT;

CREATE TABLE adapter_paths (
  path TEXT NOT NULL PRIMARY KEY,
  adapter_seq INTEGER NOT NULL REFERENCES adapters (seq) ON DELETE CASCADE,
  stamp TEXT NOT NULL,
  present INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1))
) STRICT;
CREATE INDEX adapter_paths_by_adapter ON adapter_paths (adapter_seq, present);

CREATE TABLE file_hashes (
  path TEXT NOT NULL PRIMARY KEY,
  stamp TEXT NOT NULL,
  weights_sha256 TEXT NOT NULL,
  tensor_hash TEXT NOT NULL
) STRICT;

CREATE TABLE tags (
  tag_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;

CREATE TABLE adapter_tags (
  adapter_seq INTEGER NOT NULL REFERENCES adapters (seq) ON DELETE CASCADE,
  tag_id INTEGER NOT NULL REFERENCES tags (tag_id) ON DELETE CASCADE,
  PRIMARY KEY (adapter_seq, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX adapter_tags_by_tag ON adapter_tags (tag_id);

CREATE TABLE lineage (
  adapter_seq INTEGER PRIMARY KEY REFERENCES adapters (seq) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  method TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at TEXT NOT NULL,
  job_id TEXT,
  recipe TEXT NOT NULL
) STRICT;

CREATE TABLE lineage_sources (
  adapter_seq INTEGER NOT NULL REFERENCES lineage (adapter_seq) ON DELETE CASCADE ON UPDATE CASCADE,
  position INTEGER NOT NULL,
  source_id TEXT,
  name TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  coefficient TEXT NOT NULL,
  PRIMARY KEY (adapter_seq, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_sources_by_content ON lineage_sources (content_hash);

CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  progress TEXT,
  result_adapter_id TEXT,
  problems TEXT NOT NULL,
  fingerprint TEXT,
  recipe TEXT NOT NULL,
  resolved TEXT NOT NULL,
  provenance TEXT NOT NULL,
  result TEXT,
  log_path TEXT NOT NULL
) STRICT;

CREATE TABLE imports (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  started_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;

CREATE TABLE import_items (
  import_seq INTEGER NOT NULL REFERENCES imports (seq) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  adapter_id TEXT,
  status TEXT NOT NULL CHECK (status IN ('pending', 'imported', 'duplicate', 'refused')),
  variant TEXT NOT NULL,
  problems TEXT NOT NULL,
  PRIMARY KEY (import_seq, position)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE adapter_search USING fts5 (text, tokenize = 'trigram remove_diacritics 1');
`
