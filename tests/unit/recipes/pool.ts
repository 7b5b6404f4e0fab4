/** A small library in memory over real adapter folders, for the tests of recipes, jobs and identities. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import type { AdapterDetail } from '../../../src-main/contract/adapter.ts'
import { errorProblem } from '../../../src-main/contract/problems.ts'
import { readAdapter } from '../../../src-main/library/read-adapter.ts'
import type { AdapterSource } from '../../../src-main/recipes/adapter-source.ts'
import { makeAdapter, type TinyAdapter } from '../../helpers/adapters.ts'

export interface Pool extends AdapterSource {
  readonly folder: string
  /** Makes an adapter on disk and adds it; its id is `id-NAME`. `change` has the last word on its row. */
  add(name: string, options?: TinyAdapter, change?: Partial<AdapterDetail>): AdapterDetail
  /** Adds the adapter that lies in a folder. */
  addFolder(name: string, folder: string, change?: Partial<AdapterDetail>): AdapterDetail
  /** Forgets rows. */
  remove(ids: readonly string[]): void
  close(): void
}

export function makePool(): Pool {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amalgam-pool-')))
  const rows = new Map<string, AdapterDetail>()

  function addFolder(name: string, path: string, change: Partial<AdapterDetail> = {}): AdapterDetail {
    const row = { ...detailOf(name, path), ...change }
    rows.set(row.id, row)
    return row
  }

  return {
    folder,
    add: (name, options = {}, change = {}) => addFolder(name, makeAdapter(join(folder, name), options), change),
    addFolder,
    get: (id) => rows.get(id) ?? null,
    find(reference, relativeTo) {
      const path = isAbsolute(reference) ? reference : resolve(relativeTo ?? folder, reference)
      const row = [...rows.values()].find((one) => one.id === reference || one.name === reference || one.paths.includes(path))
      return (
        row ??
        errorProblem('adapter-unknown', `There is no adapter "${reference}".`, { where: { value: reference }, hint: 'Import it first.' })
      )
    },
    remove: (ids) => ids.forEach((id) => rows.delete(id)),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function detailOf(name: string, path: string): AdapterDetail {
  const facts = readAdapter(path)
  const hash = facts.weightsPath === null ? null : createHash('sha256').update(readFileSync(facts.weightsPath)).digest('hex')
  const distinct = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b)
  return {
    id: `id-${name}`,
    name,
    paths: [path],
    contentHash: hash,
    tensorHash: hash,
    baseModelName: facts.baseModelName,
    ranks: distinct(facts.modules.map((module) => module.rank)),
    alphas: distinct(facts.modules.map((module) => module.alpha)),
    scaling: distinct(facts.modules.map((module) => module.scaling)),
    targetModules: [...new Set(facts.modules.map((module) => module.moduleKind))],
    layers: new Set(facts.modules.map((module) => module.layer)).size,
    dtype: facts.modules[0]?.dtype ?? null,
    sizeBytes: facts.sizeBytes,
    updateNorm: null,
    effectiveRank: null,
    variant: facts.variant,
    status: 'ok',
    tags: [],
    collections: [],
    favourite: false,
    origin: 'imported',
    licence: facts.licence,
    addedAt: '2026-01-01T00:00:00.000Z',
    problems: [...facts.problems],
    lineage: null,
    notes: '',
    useRslora: facts.useRslora,
    screens: facts.screens,
    modules: [...facts.modules],
    ignoredTensors: facts.ignoredTensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
    sameWeights: [],
    usedBy: [],
    config: facts.config,
  }
}
