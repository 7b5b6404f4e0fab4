/**
 * What was adapted, one row for each job of Adapt. Title, state, times, result and problems are the job's own. `coefficients` and the other texts are
 * JSON; the curve and the trials have columns of their own because they grow while a job runs.
 */
export const adaptationTables = `
CREATE TABLE adaptations (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  group_id TEXT,
  base_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  input TEXT NOT NULL,
  params TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL,
  chosen_step INTEGER,
  start_loss REAL,
  chosen_loss REAL,
  no_validation INTEGER NOT NULL DEFAULT 0 CHECK (no_validation IN (0, 1)),
  selection TEXT NOT NULL DEFAULT '[]',
  curve TEXT NOT NULL DEFAULT '[]',
  trials TEXT NOT NULL DEFAULT '[]',
  coefficients TEXT,
  facts TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;
CREATE INDEX adaptations_by_task ON adaptations (task_id, base_id);

ALTER TABLE lineage ADD COLUMN adaptation TEXT;
`
