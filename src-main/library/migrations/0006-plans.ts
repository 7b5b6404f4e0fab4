/**
 * Plans of Compare, their cells and what these gave. Nothing refers to jobs, runs, tasks or adapters: results stay readable when those are gone.
 * `revision` grows with every change of the results, so that what was computed from them is known to be old. Test examples and lists of their ids are kept
 * once; values are packed as little-endian 64-bit floats, and what is long and seldom read (answers) lies in a table of its own.
 */
export const planTables = `
CREATE TABLE plans (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  file TEXT NOT NULL,
  state TEXT NOT NULL,
  base_name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  baseline TEXT,
  headline TEXT,
  process TEXT,
  provenance TEXT NOT NULL DEFAULT '{}',
  imported_from TEXT,
  problems TEXT NOT NULL DEFAULT '[]',
  revision INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE plan_cells (
  cell_seq INTEGER PRIMARY KEY AUTOINCREMENT,
  plan_seq INTEGER NOT NULL REFERENCES plans (seq) ON DELETE CASCADE,
  cell TEXT NOT NULL,
  arm TEXT NOT NULL,
  task TEXT NOT NULL,
  budget TEXT,
  seed INTEGER,
  needs TEXT NOT NULL DEFAULT '[]',
  state TEXT NOT NULL DEFAULT 'waiting',
  job_id TEXT,
  adapter_id TEXT,
  adapter_name TEXT,
  value REAL,
  n INTEGER NOT NULL DEFAULT 0,
  cost TEXT,
  app_version TEXT,
  problems TEXT NOT NULL DEFAULT '[]',
  UNIQUE (plan_seq, cell)
) STRICT;
CREATE INDEX plan_cells_by_state ON plan_cells (plan_seq, state);

CREATE TABLE plan_tasks (
  plan_seq INTEGER NOT NULL REFERENCES plans (seq) ON DELETE CASCADE,
  task TEXT NOT NULL,
  title TEXT NOT NULL,
  metric TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('higher', 'lower')),
  hash TEXT NOT NULL,
  n INTEGER NOT NULL,
  examples TEXT NOT NULL,
  PRIMARY KEY (plan_seq, task)
) STRICT;

CREATE TABLE plan_example_lists (
  list_id INTEGER PRIMARY KEY,
  plan_seq INTEGER NOT NULL REFERENCES plans (seq) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  example_ids TEXT NOT NULL,
  UNIQUE (plan_seq, hash)
) STRICT;

CREATE TABLE plan_results (
  cell_seq INTEGER PRIMARY KEY REFERENCES plan_cells (cell_seq) ON DELETE CASCADE,
  list_id INTEGER NOT NULL REFERENCES plan_example_lists (list_id) ON DELETE CASCADE,
  packed_values BLOB NOT NULL
) STRICT;
CREATE INDEX plan_results_by_list ON plan_results (list_id);

CREATE TABLE plan_answers (
  cell_seq INTEGER PRIMARY KEY REFERENCES plan_cells (cell_seq) ON DELETE CASCADE,
  predictions TEXT NOT NULL,
  facts TEXT NOT NULL
) STRICT;

CREATE TABLE plan_comparisons (
  plan_seq INTEGER NOT NULL REFERENCES plans (seq) ON DELETE CASCADE,
  baseline TEXT NOT NULL,
  key TEXT NOT NULL,
  comparisons TEXT NOT NULL,
  problems TEXT NOT NULL,
  PRIMARY KEY (plan_seq, baseline)
) STRICT;

CREATE TABLE plan_ablations (
  plan_seq INTEGER NOT NULL REFERENCES plans (seq) ON DELETE CASCADE,
  cell TEXT NOT NULL,
  ablation TEXT NOT NULL,
  PRIMARY KEY (plan_seq, cell)
) STRICT;
`
