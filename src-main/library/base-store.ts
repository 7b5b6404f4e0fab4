import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { BaseModel } from '../contract/base-model.ts'
import { hasError, type Problem } from '../contract/problems.ts'
import { createAdapterShapes } from './adapter-shapes.ts'
import type { BasePlace, BaseStore, CheckpointFacts, NewBase } from './base-types.ts'
import { createBaseFinder, unknownBase } from './find-base.ts'
import { createForgetUnused } from './run-store.ts'

export type { BaseStore } from './base-types.ts'

interface StoredBase {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly status: BaseModel['status']
  readonly content_hash: string | null
  readonly facts: string | null
  readonly template: BaseModel['template']
  readonly problems: string
}

/** The base models of `db`. */
export function createBaseStore(db: Database.Database, now: () => Date): BaseStore {
  const columns = 'id, name, path, status, content_hash, facts, template, problems'
  const all = db.prepare<[], StoredBase>(`SELECT ${columns} FROM base_models ORDER BY seq`)
  const byId = db.prepare<[string], StoredBase>(`SELECT ${columns} FROM base_models WHERE id = ?`)
  const places = db.prepare<[], BasePlace>('SELECT id, path, status, stamp FROM base_models ORDER BY seq')
  const atPath = db.prepare<[string], BasePlace>(
    "SELECT id, path, status, stamp FROM base_models WHERE path = ? ORDER BY status = 'missing', seq DESC LIMIT 1",
  )
  const insert = db.prepare(
    `INSERT INTO base_models (id, name, path, status, stamp, facts, template, problems, added_at)
     VALUES (@id, @name, @path, @status, @stamp, @facts, @template, @problems, @addedAt)`,
  )
  const replace = db.prepare(
    `UPDATE base_models SET path = @path, status = @status, stamp = @stamp, facts = @facts, template = @template, problems = @problems
     WHERE id = @id`,
  )
  const setHash = db.prepare("UPDATE base_models SET content_hash = ?, status = 'ok' WHERE id = ?")
  const twinOf = db.prepare<[string, string], { id: string; status: string }>(
    'SELECT id, status FROM base_models WHERE content_hash = ? AND id <> ? ORDER BY seq LIMIT 1',
  )
  const moveTo = db.prepare(
    `UPDATE base_models SET (path, status, stamp, facts, template, problems) =
       (SELECT path, 'ok', stamp, facts, template, problems FROM base_models WHERE id = @from) WHERE id = @into`,
  )
  const refuse = db.prepare("UPDATE base_models SET status = 'refused', problems = ? WHERE id = ?")
  // A base model that comes back is as it was: refused, usable, or still to be hashed.
  const setMissing = db.prepare(
    `UPDATE base_models SET status = CASE WHEN @missing THEN 'missing'
      WHEN EXISTS (SELECT 1 FROM json_each(problems) said WHERE said.value ->> '$.severity' = 'error') THEN 'refused'
      WHEN content_hash IS NULL THEN 'checking' ELSE 'ok' END WHERE id = @id`,
  )
  const rename = db.prepare('UPDATE base_models SET name = ? WHERE id = ?')
  const forget = db.prepare('DELETE FROM base_models WHERE id = ?')
  const names = db.prepare<[], string>('SELECT name FROM base_models ORDER BY seq').pluck()
  const forgetUnused = createForgetUnused(db)
  const shapes = createAdapterShapes(db)

  const changed = (changes: number, id: string): readonly Problem[] => (changes > 0 ? [] : [unknownBase(id, names.all())])
  const modelOf = (row: StoredBase): BaseModel => {
    const { files: _files, endTokens: _endTokens, modules: _modules, ...facts } = row.facts === null ? noFacts : factsOf(row.facts)
    return {
      ...facts,
      id: row.id,
      name: row.name,
      path: row.path,
      status: row.status,
      contentHash: row.content_hash,
      template: row.template,
      memory: [...facts.memory],
      adapters: row.facts === null ? 0 : shapes.count(facts),
      problems: JSON.parse(row.problems) as Problem[],
    }
  }

  return {
    list: () => all.all().map(modelOf),
    get(id) {
      const row = byId.get(id)
      return row ? modelOf(row) : null
    },
    facts(id) {
      const facts = byId.get(id)?.facts
      return facts ? factsOf(facts) : null
    },
    find: createBaseFinder(db),
    places: () => places.all(),
    atPath: (path) => atPath.get(path) ?? null,
    add(base) {
      const id = randomBytes(6).toString('hex')
      const status = hasError(base.problems) ? 'refused' : 'checking'
      insert.run({ ...valuesOf(base), id, status, addedAt: now().toISOString() })
      return { id }
    },
    replace: (id, base, status) => void replace.run({ ...valuesOf(base), id, status }),
    settle: (id, contentHash) =>
      db
        .transaction(() => {
          const twin = byId.get(id) && twinOf.get(contentHash, id)
          if (!twin) {
            setHash.run(contentHash, id)
            return { id }
          }
          if (twin.status === 'missing') moveTo.run({ from: id, into: twin.id })
          forget.run(id)
          return { id: twin.id }
        })
        .immediate(),
    refuse: (id, problems) => void refuse.run(JSON.stringify(problems), id),
    setMissing: (id, missing) => void setMissing.run({ id, missing: Number(missing) }),
    rename: (id, name) => changed(rename.run(name, id).changes, id),
    remove: (id) =>
      db
        .transaction(() => {
          const problems = changed(forget.run(id).changes, id)
          forgetUnused()
          return problems
        })
        .immediate(),
    readShapes: shapes.read,
    matches(id) {
      const row = byId.get(id)
      if (!row) return unknownBase(id, names.all())
      return row.facts === null ? { fitting: [], others: [] } : shapes.matches(factsOf(row.facts))
    },
  }
}

/** What is shown of a checkpoint that could not be read. */
const noFacts: CheckpointFacts = {
  ...{ family: '', dtype: '', parameters: 0, weightBytes: 0, vocabulary: 0, hidden: 0, intermediate: 0, layers: 0, heads: 0 },
  ...{ kvHeads: 0, headDim: 0, maxPositions: 0, tied: false, memory: [], files: [], endTokens: [], modules: [] },
}

function factsOf(text: string): CheckpointFacts {
  return JSON.parse(text) as CheckpointFacts
}

function valuesOf({ path, name, stamp, facts, template, problems }: NewBase) {
  const texts = { facts: facts === null ? null : JSON.stringify(facts), problems: JSON.stringify(problems) }
  return { path, name, stamp, template, ...texts }
}
