/**
 * What a person noted on evaluations and adaptations in the section Runs (plans keep "archived" themselves): at most one run of any kind is pinned.
 * Marks go with what they are on.
 */
export const runMarks = `
CREATE TABLE run_marks (
  kind TEXT NOT NULL CHECK (kind IN ('plan', 'evaluation', 'adaptation')),
  id TEXT NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX run_marks_pinned ON run_marks (pinned) WHERE pinned = 1;

CREATE TRIGGER runs_take_marks AFTER DELETE ON runs BEGIN
  DELETE FROM run_marks WHERE kind = 'evaluation' AND id = OLD.id;
END;
CREATE TRIGGER adaptations_take_marks AFTER DELETE ON adaptations BEGIN
  DELETE FROM run_marks WHERE kind = 'adaptation' AND id = OLD.job_id;
END;
CREATE TRIGGER plans_take_marks AFTER DELETE ON plans BEGIN
  DELETE FROM run_marks WHERE kind = 'plan' AND id = OLD.id;
END;
`
