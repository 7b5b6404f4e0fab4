/** What a library and its folders look like from outside, and the rules that hold whatever happened to the processes. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { strict as assert } from 'node:assert'
import Database from 'better-sqlite3'

/** SHA-256 of every file below `folder`, by its path in it. */
export function hashTree(folder: string): Readonly<Record<string, string>> {
  const hashes: Record<string, string> = {}
  const visit = (place: string): void => {
    for (const entry of readdirSync(place, { withFileTypes: true }).sort((left, right) => (left.name < right.name ? -1 : 1))) {
      const path = join(place, entry.name)
      if (entry.isDirectory()) visit(path)
      else hashes[relative(folder, path)] = createHash('sha256').update(readFileSync(path)).digest('hex')
    }
  }
  if (existsSync(folder)) visit(folder)
  return hashes
}

/** Folders and files below `folder` that belong to work in progress. */
export function leftovers(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(partial|tmp|restoring)$/.test(name))
}

interface Row {
  readonly id: string
  readonly status: string
  readonly content_hash: string | null
  readonly update_norm: number | null
  readonly modules: number
  readonly paths: number
}

/** Asserts that the database is sound and that every row in it is whole; a library that was never begun is. Returns how many adapters it holds. */
export function assertSound(library: string): { readonly adapters: number; readonly checked: number } {
  const file = join(library, 'library.sqlite')
  if (!existsSync(file) || statSync(file).size === 0) return { adapters: 0, checked: 0 }
  const db = new Database(file)
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    assert.deepEqual(db.pragma('foreign_key_check'), [])
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'adapters'").get() === undefined) return { adapters: 0, checked: 0 }
    const rows = db
      .prepare<[], Row>(
        `SELECT id, status, content_hash, update_norm,
           (SELECT count(*) FROM adapter_modules m WHERE m.adapter_seq = a.seq) AS modules,
           (SELECT count(*) FROM adapter_paths p WHERE p.adapter_seq = a.seq) AS paths
         FROM adapters a`,
      )
      .all()
    for (const row of rows) {
      assert.deepEqual({ ...row, paths: row.paths > 0 }, { ...row, modules: 1, paths: true }, 'a row lacks a part')
      assert.ok(row.status !== 'ok' || (row.content_hash !== null && row.update_norm !== null), `${row.id} is ok without its checks`)
    }
    const gaps = db.prepare('SELECT import_seq FROM import_items GROUP BY import_seq HAVING count(*) <> max(position) + 1').all()
    assert.deepEqual(gaps, [], 'an import lost an item')
    return { adapters: rows.length, checked: rows.filter((row) => row.status === 'ok').length }
  } finally {
    db.close()
  }
}

/** States of all jobs, oldest first. */
export function jobStates(library: string): readonly string[] {
  const file = join(library, 'library.sqlite')
  if (!existsSync(file)) return []
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare<[], { state: string }>('SELECT state FROM jobs ORDER BY seq').all().map(({ state }) => state) // prettier-ignore
  } finally {
    db.close()
  }
}
