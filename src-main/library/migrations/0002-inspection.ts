/** What the section Inspect needs: spectra and detector figures of every adapter, and inner products of compared pairs. */
export const inspectionTables = `
ALTER TABLE adapters ADD COLUMN effective_rank REAL;
CREATE INDEX adapters_by_effective_rank ON adapters (effective_rank IS NULL, effective_rank, seq);

ALTER TABLE adapter_modules ADD COLUMN inspection TEXT;

CREATE TABLE compared_weights (
  weights_id INTEGER PRIMARY KEY,
  content_hash TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE inner_products (
  low INTEGER NOT NULL REFERENCES compared_weights (weights_id) ON DELETE CASCADE,
  high INTEGER NOT NULL REFERENCES compared_weights (weights_id) ON DELETE CASCADE,
  inner_product REAL NOT NULL,
  cosine REAL,
  PRIMARY KEY (low, high),
  CHECK (low < high)
) STRICT, WITHOUT ROWID;
CREATE INDEX inner_products_by_high ON inner_products (high);
CREATE INDEX inner_products_by_cosine ON inner_products (cosine);
`
