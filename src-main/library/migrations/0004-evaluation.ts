/** Base models, tasks, and what evaluations found. Examples lie in files under the library's folder; prompts are stored once. */
export const evaluationTables = `
CREATE TABLE base_models (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  status TEXT NOT NULL,
  content_hash TEXT,
  facts TEXT NOT NULL,
  problems TEXT NOT NULL,
  added_at TEXT NOT NULL
) STRICT;

CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL,
  summary TEXT NOT NULL,
  folder TEXT NOT NULL,
  added_at TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,
  base_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  split TEXT NOT NULL,
  budget INTEGER,
  metric TEXT NOT NULL,
  subject_key TEXT NOT NULL,
  subject TEXT NOT NULL,
  example_ids TEXT NOT NULL,
  n INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  done INTEGER NOT NULL,
  value REAL,
  low REAL,
  high REAL,
  interval_kind TEXT NOT NULL,
  provenance TEXT NOT NULL,
  problems TEXT NOT NULL,
  created_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;
CREATE INDEX runs_by_base ON runs (base_id, task_id, split);

CREATE TABLE prompts (
  prompt_id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE outcomes (
  run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  example_id TEXT NOT NULL,
  prompt_id INTEGER NOT NULL REFERENCES prompts (prompt_id),
  answer TEXT NOT NULL,
  prediction TEXT,
  value REAL,
  correct INTEGER,
  log_likelihood REAL,
  choices TEXT,
  problem TEXT,
  PRIMARY KEY (run_seq, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE rates (
  device TEXT NOT NULL,
  base_id TEXT NOT NULL,
  tokens REAL NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (device, base_id)
) STRICT, WITHOUT ROWID;
`
