import type Database from 'better-sqlite3'
import type { AdapterDetail, AdapterModule, Lineage, ScreenResults } from '../contract/adapter.ts'
import { rowOf, storedColumns, type StoredAdapter } from './adapter-row.ts'
import { unpackModules } from './pack-modules.ts'

interface StoredModules {
  readonly modules: string
  readonly norms: string | null
  readonly ignored_tensors: string
  readonly config: string | null
  readonly card_tags: string
}

interface StoredLineage {
  readonly kind: Lineage['kind']
  readonly method: string
  readonly fingerprint: string
  readonly created_at: string
  readonly job_id: string | null
  readonly recipe: string
  readonly adaptation: string | null
}

type Named = AdapterDetail['usedBy'][number]

/** Everything about one adapter, by id. */
export function createDetails(db: Database.Database): (id: string) => AdapterDetail | null {
  const byId = db.prepare<[string], StoredAdapter>(`SELECT ${storedColumns} FROM adapters a WHERE a.id = ?`)
  const modules = db.prepare<[number], StoredModules>(
    'SELECT modules, norms, ignored_tensors, config, card_tags FROM adapter_modules WHERE adapter_seq = ?',
  )
  const twins = db.prepare<[string | null, number], Named>('SELECT id, name FROM adapters WHERE tensor_hash = ? AND seq <> ? ORDER BY seq')
  const users = db.prepare<[string, string | null], Named>(
    `SELECT DISTINCT a.id, a.name FROM lineage_sources s JOIN adapters a ON a.seq = s.adapter_seq
     WHERE s.source_id = ? OR s.content_hash = ? ORDER BY a.seq`,
  )
  const lineage = db.prepare<[number], StoredLineage>(
    'SELECT kind, method, fingerprint, created_at, job_id, recipe, adaptation FROM lineage WHERE adapter_seq = ?',
  )
  const sources = db.prepare<[number], Lineage['sources'][number]>(
    `SELECT source_id AS id, name, content_hash AS contentHash, coefficient FROM lineage_sources WHERE adapter_seq = ? ORDER BY position`,
  )

  const lineageOf = (seq: number): Lineage | null => {
    const stored = lineage.get(seq)
    if (!stored) return null
    const { kind, method, fingerprint, recipe } = stored
    const adaptation = stored.adaptation === null ? {} : { adaptation: JSON.parse(stored.adaptation) as NonNullable<Lineage['adaptation']> }
    return {
      kind,
      method,
      fingerprint,
      recipe,
      createdAt: stored.created_at,
      jobId: stored.job_id,
      sources: sources.all(seq),
      ...adaptation,
    }
  }

  return (id) => {
    const stored = byId.get(id)
    if (!stored) return null
    const held = modules.get(stored.seq)!
    return {
      ...rowOf(stored),
      lineage: lineageOf(stored.seq),
      notes: stored.notes,
      useRslora: stored.use_rslora === 1,
      screens: JSON.parse(stored.screens) as ScreenResults,
      modules: modulesOf(held),
      ignoredTensors: JSON.parse(held.ignored_tensors) as AdapterDetail['ignoredTensors'],
      cardTags: JSON.parse(held.card_tags) as string[],
      sameWeights: stored.tensor_hash === null ? [] : twins.all(stored.tensor_hash, stored.seq),
      usedBy: users.all(stored.id, stored.content_hash),
      config: held.config === null ? null : JSON.stringify(JSON.parse(held.config), null, 2),
    }
  }
}

function modulesOf(held: StoredModules): AdapterModule[] {
  return unpackModules(held.modules, held.norms === null ? null : (JSON.parse(held.norms) as (number | null)[]))
}
