import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { AdapterOrigin, AdapterStatus, Lineage } from '../contract/adapter.ts'
import type { CheckedFacts } from './check-result.ts'
import type { Links } from './links.ts'
import type { Listing } from './listing.ts'
import type { Stamp } from './read-file.ts'

/** An adapter as the import door knows it. */
export interface KnownAdapter {
  readonly seq: number
  readonly id: string
  readonly status: AdapterStatus
}

/** An adapter found by one of its places. */
export interface KnownPlace extends KnownAdapter {
  /** Stamp of the files when they were last read. */
  readonly stamp: Stamp
  /** True when this is its only place. */
  readonly alone: boolean
}

/** What the import door writes. Callers group writes with `together`. */
export interface AdapterWrites {
  /** Runs `write` in one transaction. */
  together<T>(write: () => T): T
  /** The adapter that was last seen in `folder`, and the stamp its files had then. */
  atPath(folder: string): KnownPlace | null
  withContent(contentHash: string): KnownAdapter | null
  bySeq(seq: number): KnownAdapter | null
  /** A new row; `checking`, or `refused` when its headers already say so. */
  insert(listing: Listing, options: { readonly origin: AdapterOrigin; readonly addedAt: string; readonly name?: string }): KnownAdapter
  /** The same row read anew: everything that comes from files is replaced, what a person wrote stays. */
  replace(seq: number, listing: Listing): KnownAdapter
  /** Puts `folder` down as a place of the adapter; it leaves the adapter that had it before. */
  putPath(seq: number, folder: string, stamp: Stamp): void
  /** Gives the places, tags and collections of `from` to `into` (its lineage too, where there is none yet) and forgets `from`. */
  absorb(into: number, from: number): void
  setHashes(seq: number, contentHash: string, tensorHash: string): void
  setChecked(seq: number, checked: CheckedFacts): void
  setLineage(seq: number, lineage: Lineage): void
  addTags(seq: number, tags: readonly string[]): void
}

const listed = `base_model_name, ranks, alphas, scaling, target_modules, layers, max_rank, max_scaling, dtype, size_bytes, variant,
  status, use_rslora, licence, problems, warnings, screens`
const listedValues = listed.replaceAll(/(\w+)/g, '@$1')

/** Writes over the tables of `db`. */
export function createWrites(db: Database.Database, links: Links): AdapterWrites {
  const insert = db.prepare(
    `INSERT INTO adapters (id, name, origin, added_at, ${listed}) VALUES (@id, @name, @origin, @added_at, ${listedValues})`,
  )
  const update = db.prepare(
    `UPDATE adapters SET (${listed}) = (${listedValues}), content_hash = NULL, tensor_hash = NULL, update_norm = NULL,
      effective_rank = NULL WHERE seq = @seq`,
  )
  const putModules = db.prepare(
    `INSERT INTO adapter_modules (adapter_seq, modules, norms, ignored_tensors, config, card_tags)
     VALUES (@seq, @modules, NULL, @ignored, @config, @cardTags)
     ON CONFLICT (adapter_seq) DO UPDATE SET modules = @modules, norms = NULL, inspection = NULL, ignored_tensors = @ignored, card_tags = @cardTags,
       config = @config`,
  )
  const putPath = db.prepare(
    `INSERT INTO adapter_paths (path, adapter_seq, stamp) VALUES (?, ?, ?)
     ON CONFLICT (path) DO UPDATE SET adapter_seq = excluded.adapter_seq, stamp = excluded.stamp, present = 1`,
  )
  const ownerOf = db.prepare<[string], { seq: number }>('SELECT adapter_seq AS seq FROM adapter_paths WHERE path = ?')
  const atPath = db.prepare<[string], KnownAdapter & { stamp: string; places: number }>(
    `SELECT a.seq, a.id, a.status, p.stamp, (SELECT count(*) FROM adapter_paths WHERE adapter_seq = a.seq) AS places
     FROM adapter_paths p JOIN adapters a ON a.seq = p.adapter_seq WHERE p.path = ?`,
  )
  const withContent = db.prepare<[string], KnownAdapter>('SELECT seq, id, status FROM adapters WHERE content_hash = ?')
  const bySeq = db.prepare<[number], KnownAdapter>('SELECT seq, id, status FROM adapters WHERE seq = ?')
  const movePaths = db.prepare('UPDATE adapter_paths SET adapter_seq = @into WHERE adapter_seq = @from')
  const moveTags = db.prepare(
    'INSERT OR IGNORE INTO adapter_tags (adapter_seq, tag_id) SELECT @into, tag_id FROM adapter_tags WHERE adapter_seq = @from',
  )
  const moveCollections = db.prepare(
    `INSERT OR IGNORE INTO adapter_collections (adapter_seq, collection_id)
     SELECT @into, collection_id FROM adapter_collections WHERE adapter_seq = @from`,
  )
  const moveLineage = db.prepare('UPDATE OR IGNORE lineage SET adapter_seq = @into WHERE adapter_seq = @from')
  const forget = db.prepare('DELETE FROM adapters WHERE seq = ?')
  const refreshStatus = db.prepare(refreshStatusSql)
  const setHashes = db.prepare('UPDATE adapters SET content_hash = ?, tensor_hash = ? WHERE seq = ?')
  const setChecked = db.prepare(
    `UPDATE adapters SET status = @status, update_norm = @norm, variant = @variant, problems = @problems, warnings = @warnings, screens = @screens,
      effective_rank = @effectiveRank WHERE seq = @seq`,
  )
  const setFigures = db.prepare('UPDATE adapter_modules SET norms = ?, inspection = ? WHERE adapter_seq = ?')
  const putLineage = db.prepare(
    `INSERT OR REPLACE INTO lineage (adapter_seq, kind, method, fingerprint, created_at, job_id, recipe, adaptation)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const putSource = db.prepare(
    'INSERT INTO lineage_sources (adapter_seq, position, source_id, name, content_hash, coefficient) VALUES (?, ?, ?, ?, ?, ?)',
  )

  function placeAt(seq: number, folder: string, stamp: Stamp): void {
    const before = ownerOf.get(folder)
    putPath.run(folder, seq, stamp)
    refreshStatus.run(seq)
    if (before && before.seq !== seq) refreshStatus.run(before.seq)
  }

  return {
    // At once for writing: one that begins with reading fails when another process writes in between.
    together: (write) => db.transaction(write).immediate(),
    atPath(folder) {
      const row = atPath.get(folder)
      return row ? { seq: row.seq, id: row.id, status: row.status, stamp: row.stamp, alone: row.places === 1 } : null
    },
    withContent: (contentHash) => withContent.get(contentHash) ?? null,
    bySeq: (seq) => bySeq.get(seq) ?? null,
    insert(listing, { origin, addedAt, name = listing.name }) {
      const id = randomBytes(6).toString('hex')
      const values = listedOf(listing)
      const seq = Number(insert.run({ ...values, id, name, origin, added_at: addedAt }).lastInsertRowid)
      putModules.run({ seq, modules: listing.modules, ignored: listing.ignoredTensors, config: listing.config, cardTags: listing.cardTags })
      placeAt(seq, listing.folder, listing.stamp)
      return { seq, id, status: values.status }
    },
    replace(seq, listing) {
      update.run({ ...listedOf(listing), seq })
      putModules.run({ seq, modules: listing.modules, ignored: listing.ignoredTensors, config: listing.config, cardTags: listing.cardTags })
      placeAt(seq, listing.folder, listing.stamp)
      return bySeq.get(seq)!
    },
    putPath: placeAt,
    absorb(into, from) {
      movePaths.run({ into, from })
      moveTags.run({ into, from })
      moveCollections.run({ into, from })
      moveLineage.run({ into, from })
      forget.run(from)
      refreshStatus.run(into)
    },
    setHashes: (seq, contentHash, tensorHash) => void setHashes.run(contentHash, tensorHash, seq),
    setChecked(seq, checked) {
      const { status, norm, norms, variant, inspection, problems, screens } = checked
      const effectiveRank = inspection?.effectiveRank ?? null
      const warnings = problems.filter((problem) => problem.severity === 'warning').length
      const texts = { problems: JSON.stringify(problems), screens: JSON.stringify(screens) }
      setChecked.run({ seq, status, norm, variant, warnings, effectiveRank, ...texts })
      setFigures.run(norms === null ? null : JSON.stringify(norms), inspection?.text ?? null, seq)
      refreshStatus.run(seq)
    },
    setLineage(seq, lineage) {
      const { kind, method, fingerprint, createdAt, jobId, recipe, adaptation } = lineage
      putLineage.run(seq, kind, method, fingerprint, createdAt, jobId, recipe, adaptation ? JSON.stringify(adaptation) : null)
      lineage.sources.forEach((source, position) =>
        putSource.run(seq, position, source.id, source.name, source.contentHash, source.coefficient),
      )
    },
    addTags(seq, tags) {
      links.makeTags(tags)
      for (const key of tags) links.apply('tags', { action: 'link', key, seqs: [seq] })
    },
  }
}

/** An adapter that was found good is missing while none of its places holds it, and ok again when one does. */
export const refreshStatusSql = `UPDATE adapters SET status =
  CASE WHEN EXISTS (SELECT 1 FROM adapter_paths WHERE adapter_seq = seq AND present = 1) THEN 'ok' ELSE 'missing' END
  WHERE seq = ? AND status IN ('ok', 'missing')`

function listedOf(listing: Listing): Record<string, string | number | null> & { readonly status: AdapterStatus } {
  return {
    base_model_name: listing.baseModelName,
    ranks: listing.ranks,
    alphas: listing.alphas,
    scaling: listing.scaling,
    target_modules: listing.targetModules,
    layers: listing.layers,
    max_rank: listing.maxRank,
    max_scaling: listing.maxScaling,
    dtype: listing.dtype,
    size_bytes: listing.sizeBytes,
    variant: listing.variant,
    status: listing.refused ? 'refused' : 'checking',
    use_rslora: listing.useRslora ? 1 : 0,
    licence: listing.licence,
    problems: JSON.stringify(listing.problems),
    warnings: listing.problems.filter((problem) => problem.severity === 'warning').length,
    screens: listing.screens,
  }
}
