import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { suggest } from '../contract/suggest.ts'
import { shortened } from './find-seqs.ts'

/** The base model that a reference means, or why there is none. */
export type FindBase = (reference: string, relativeTo?: string) => { readonly id: string } | Problem

/** Finds base models by id, by the path of their folder (relative ones start from `relativeTo`), or by a name that is unique. */
export function createBaseFinder(db: Database.Database): FindBase {
  const byId = db.prepare<[string], { id: string }>('SELECT id FROM base_models WHERE id = ?')
  const byPath = db.prepare<[string], { id: string }>(
    "SELECT id FROM base_models WHERE path = ? ORDER BY status = 'missing', seq DESC LIMIT 1",
  )
  const byName = db.prepare<[string], { id: string }>('SELECT id FROM base_models WHERE name = ? ORDER BY seq')
  const byNameAnyCase = db.prepare<[string], { id: string }>('SELECT id FROM base_models WHERE name = ? COLLATE NOCASE ORDER BY seq')
  const names = db.prepare<[], string>('SELECT DISTINCT name FROM base_models ORDER BY name COLLATE NOCASE LIMIT 100').pluck()

  return (reference, relativeTo = process.cwd()) => {
    const wanted = reference.trim()
    const home = /^~[\\/]/.test(wanted) ? join(homedir(), wanted.slice(2)) : wanted
    const path = resolve(relativeTo, home)
    const one = byId.get(wanted) ?? byPath.get(path) ?? byPath.get(existsSync(path) ? realpathSync(path) : path)
    if (one) return one
    const named = byName.all(wanted)
    const found = named.length > 0 ? named : byNameAnyCase.all(wanted)
    if (found.length > 1) return ambiguous(wanted, found)
    return found[0] ?? unknownBase(isAbsolute(home) || /^\.{1,2}[\\/]/.test(home) ? path : wanted, names.all())
  }
}

/** The problem of a reference that means no base model; `names` are those that there are. */
export function unknownBase(reference: string, names: readonly string[]): Problem {
  const near = suggest(reference, names)
  return errorProblem('base-unknown', `The library has no base model "${shortened(reference)}".`, {
    where: { value: shortened(reference) },
    ...(names.length > 0 && { allowed: names.slice(0, 20) }),
    hint:
      near === undefined
        ? 'Name it by its id, its name or the path of its folder; add it if it is not there yet.'
        : `Did you mean "${near}"?`,
  })
}

function ambiguous(name: string, found: readonly { readonly id: string }[]): Problem {
  return errorProblem('base-ambiguous', `${found.length} base models have the name "${shortened(name)}".`, {
    where: { value: shortened(name) },
    allowed: found.map(({ id }) => id),
    hint: 'Name one of them by its id or its path, or give it another name.',
  })
}
