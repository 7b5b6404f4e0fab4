import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { errorProblem, type Problem } from '../contract/problems.ts'
import { suggest } from '../contract/suggest.ts'
import { configName, weightsName } from './read-adapter.ts'

/** The adapter that a reference means, or why there is none. */
export type FindAdapter = (reference: string, relativeTo?: string) => { readonly id: string } | Problem

/** How many names are listed when none fits. */
const listedNames = 20
/** How many names are compared for a suggestion. */
const comparedNames = 2000

/** Finds adapters by id, by the path of their folder or of a file in it (relative ones start from `relativeTo`), or by a name that is unique. */
export function createFinder(db: Database.Database): FindAdapter {
  const byId = db.prepare<[string], { id: string }>('SELECT id FROM adapters WHERE id = ?')
  const byPath = db.prepare<[string], { id: string }>(
    'SELECT a.id FROM adapter_paths p JOIN adapters a ON a.seq = p.adapter_seq WHERE p.path = ?',
  )
  const byName = db.prepare<[string], { id: string }>('SELECT id FROM adapters WHERE name = ? ORDER BY seq')
  const byNameAnyCase = db.prepare<[string], { id: string }>('SELECT id FROM adapters WHERE name = ? COLLATE NOCASE ORDER BY seq')
  const names = db.prepare<[], { name: string }>(`SELECT DISTINCT name FROM adapters ORDER BY name COLLATE NOCASE LIMIT ${comparedNames}`)

  return (reference, relativeTo = process.cwd()) => {
    const wanted = reference.trim()
    const id = byId.get(wanted)
    if (id) return id
    const folder = folderOf(wanted, relativeTo)
    const atPath = byPath.get(folder) ?? byPath.get(realPath(folder))
    if (atPath) return atPath
    const named = byName.all(wanted)
    const found = named.length > 0 ? named : byNameAnyCase.all(wanted)
    if (found.length === 1) return found[0]!
    if (found.length > 1) return ambiguous(wanted, found)
    if (looksLikePath(wanted)) return notImported(wanted, folder)
    return unknown(wanted, names.all().map((row) => row.name)) // prettier-ignore
  }
}

function folderOf(reference: string, relativeTo: string): string {
  const home = /^~[\\/]/.test(reference) ? join(homedir(), reference.slice(2)) : reference
  const path = resolve(relativeTo, home)
  return [configName, weightsName].includes(basename(path)) ? dirname(path) : path
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

function looksLikePath(reference: string): boolean {
  return isAbsolute(reference) || /^(\.{1,2}|~)?[\\/]/.test(reference)
}

function notImported(reference: string, folder: string): Problem {
  const where = { value: reference, path: folder }
  if (!existsSync(folder))
    return errorProblem('adapter-unknown', `There is nothing at ${folder}.`, {
      where,
      hint: 'Relative paths start from the folder of the recipe.',
    })
  return errorProblem('adapter-unknown', `The adapter in ${folder} is not in the library.`, { where, hint: 'Import it first.' })
}

function ambiguous(name: string, found: readonly { readonly id: string }[]): Problem {
  return errorProblem('adapter-ambiguous', `${found.length} adapters have the name "${name}".`, {
    where: { value: name },
    allowed: found.map(({ id }) => id),
    hint: 'Name one of them by its id or its path, or give it another name.',
  })
}

function unknown(name: string, names: readonly string[]): Problem {
  const near = suggest(name, names)
  return errorProblem('adapter-unknown', `The library has no adapter "${name.slice(0, 200)}".`, {
    where: { value: name.slice(0, 200) },
    allowed: names.slice(0, listedNames),
    hint:
      near === undefined
        ? 'Name it by its path, its id or its name in the library; import it if it is not there yet.'
        : `Did you mean "${near}"?`,
  })
}
