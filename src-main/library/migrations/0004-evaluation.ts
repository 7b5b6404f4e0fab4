/** Base models, tasks, and what evaluations found. Examples lie in files under the library's folder; each question (prompt and expected answer) is stored once. */
export const evaluationTables = `
CREATE TABLE base_models (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('checking', 'ok', 'missing', 'refused')),
  stamp TEXT NOT NULL,
  content_hash TEXT,
  facts TEXT,
  template TEXT NOT NULL,
  problems TEXT NOT NULL,
  added_at TEXT NOT NULL
) STRICT;
CREATE INDEX base_models_by_path ON base_models (path);
CREATE INDEX base_models_by_content ON base_models (content_hash);

CREATE TABLE module_shapes (
  shape_id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  modules TEXT NOT NULL
) STRICT;

CREATE TABLE adapter_shapes (
  adapter_seq INTEGER PRIMARY KEY REFERENCES adapters (seq) ON DELETE CASCADE,
  shape_id INTEGER NOT NULL REFERENCES module_shapes (shape_id)
) STRICT;

CREATE TRIGGER adapter_shapes_change AFTER UPDATE OF modules ON adapter_modules BEGIN
  DELETE FROM adapter_shapes WHERE adapter_seq = NEW.adapter_seq;
END;

CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL,
  summary TEXT NOT NULL,
  folder TEXT NOT NULL,
  added_at TEXT NOT NULL
) STRICT;

CREATE TABLE example_lists (
  list_id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  ids TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,
  base_id TEXT NOT NULL REFERENCES base_models (id) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  task_hash TEXT NOT NULL,
  split TEXT NOT NULL,
  budget INTEGER,
  metric TEXT NOT NULL,
  subject_key TEXT NOT NULL,
  subject TEXT NOT NULL,
  list_id INTEGER NOT NULL REFERENCES example_lists (list_id),
  n INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  value REAL,
  low REAL,
  high REAL,
  interval_kind TEXT NOT NULL,
  provenance TEXT NOT NULL,
  problems TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;
CREATE INDEX runs_by_base ON runs (base_id, task_id, split);
CREATE INDEX runs_by_list ON runs (list_id);

CREATE TABLE questions (
  question_id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  example_id TEXT NOT NULL,
  prompt TEXT NOT NULL,
  answer TEXT NOT NULL
) STRICT;

CREATE TABLE outcomes (
  run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  question_id INTEGER NOT NULL REFERENCES questions (question_id),
  value REAL,
  weight REAL NOT NULL,
  correct INTEGER CHECK (correct IN (0, 1)),
  log_likelihood REAL,
  problem TEXT,
  prediction TEXT,
  choices TEXT,
  PRIMARY KEY (run_seq, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX outcomes_by_question ON outcomes (question_id, run_seq);

CREATE TABLE differences (
  run_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  baseline_seq INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  done INTEGER NOT NULL,
  baseline_done INTEGER NOT NULL,
  n INTEGER NOT NULL,
  value REAL,
  low REAL,
  high REAL,
  PRIMARY KEY (run_seq, baseline_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX differences_by_baseline ON differences (baseline_seq);

CREATE TABLE rates (
  device TEXT NOT NULL,
  base_id TEXT NOT NULL REFERENCES base_models (id) ON DELETE CASCADE,
  tokens REAL NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (device, base_id)
) STRICT, WITHOUT ROWID;
`
