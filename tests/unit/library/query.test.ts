import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Facet, FilterMode, LibraryFilter, LibraryQueryInput } from '../../../src-main/contract/library-query.ts'
import { createImporter } from '../../../src-main/library/importer.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { makeAdapter, type TinyAdapter } from '../../helpers/adapters.ts'
import { inspectInTypeScript } from '../../helpers/inspect.ts'
import { queryOf } from './support.ts'

/** A small pool, from the healthy to the odd. */
const pool: Readonly<Record<string, TinyAdapter>> = {
  alpha: { r: 4, alpha: 8, seed: 1 },
  Beta: { r: 8, alpha: 8, seed: 2, targets: ['q_proj', 'v_proj'], config: { base_model_name_or_path: 'Org/Big-Llama' } },
  gamma: { r: 16, alpha: 8, seed: 3, layers: 1, config: { base_model_name_or_path: null } },
  'délta 100%': { r: 4, alpha: 4, seed: 4, config: { rank_pattern: { q_proj: 2 } }, ranks: { q_proj: 2 } },
  epsilon_dora: { r: 4, alpha: 8, seed: 5, config: { use_dora: true } },
  twin: { r: 4, alpha: 8, seed: 1, config: { lora_dropout: 0.3 } },
  broken: { r: 4, config: { r: 2 } },
}
const folder = mkdtempSync(join(tmpdir(), 'amalgam-query-'))
let library: Library

beforeAll(async () => {
  for (const [name, options] of Object.entries(pool)) makeAdapter(join(folder, 'pool', name), options)
  let clock = Date.parse('2026-01-01T00:00:00Z')
  library = openLibrary({ folder, log: silentLog, now: () => new Date((clock += 1000)) })
  const importer = createImporter({
    library,
    inspect: inspectInTypeScript,
    emitChanged: () => undefined,
    emitProgress: () => undefined,
    log: silentLog,
  })
  // One by one, so that the order of adding is that of the pool.
  for (const name of Object.keys(pool)) await importer.finished(importer.start([join(folder, 'pool', name)]).id ?? '')
  const id = (name: string) => library.adapters.ids(queryOf({ text: name }))
  library.adapters.setFavourite(id('Beta'), true)
  library.adapters.editTags([...id('alpha'), ...id('gamma')], ['news', 'Short Answers'], [])
  library.adapters.editTags(id('gamma'), ['long'], [])
  library.adapters.setNotes(id('gamma')[0] ?? '', 'best on quizzes; "quoted" words')
  await importer.close()
  return () => {
    library.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

type Filter = readonly [facet: Facet, mode: FilterMode, ...values: string[]]
const names = (query: LibraryQueryInput) => library.adapters.list(queryOf(query)).rows.map((row) => row.name)
const sorted = (query: LibraryQueryInput) => names(query).sort()

describe('sorting', () => {
  test.each<[string, string[]]>([
    ['name', ['alpha', 'Beta', 'broken', 'délta 100%', 'epsilon_dora', 'gamma', 'twin']],
    ['added', ['alpha', 'Beta', 'gamma', 'délta 100%', 'epsilon_dora', 'twin', 'broken']],
    ['rank', ['alpha', 'délta 100%', 'epsilon_dora', 'twin', 'broken', 'Beta', 'gamma']],
    ['scaling', ['gamma', 'Beta', 'alpha', 'délta 100%', 'epsilon_dora', 'twin', 'broken']],
    ['status', ['alpha', 'Beta', 'gamma', 'délta 100%', 'epsilon_dora', 'twin', 'broken']],
    ['base', ['Beta', 'alpha', 'délta 100%', 'epsilon_dora', 'twin', 'broken', 'gamma']],
  ])('by %s', (column, expected) => {
    expect(names({ sort: { column: column as 'name', descending: false } })).toEqual(expected)
  })
  test('by norm and size agrees with the rows, and what has none stands last in either direction', () => {
    for (const descending of [false, true]) {
      const rows = library.adapters.list(queryOf({ sort: { column: 'norm', descending } })).rows
      expect(rows.at(-1)?.name).toBe('broken')
      const norms = rows.slice(0, -1).map((row) => row.updateNorm ?? NaN)
      expect(norms).toEqual(norms.toSorted((left, right) => (descending ? right - left : left - right)))
      const sizes = library.adapters.list(queryOf({ sort: { column: 'size', descending } })).rows.map((row) => row.sizeBytes)
      expect(sizes).toEqual(sizes.toSorted((left, right) => (descending ? right - left : left - right)))
    }
    expect(names({ sort: { column: 'base', descending: true } }).at(-1)).toBe('gamma')
  })
})

test('pages cut the sorted list; total and ids know all of it', () => {
  const all = names({})
  const page = library.adapters.list(queryOf({ offset: 2, limit: 3 }))
  expect(page.rows.map((row) => row.name)).toEqual(all.slice(2, 5))
  expect(page.total).toBe(7)
  const ids = library.adapters.ids(queryOf({ offset: 2, limit: 3 }))
  expect(library.adapters.byIds([...ids, 'nobody']).map((row) => row.name)).toEqual(all)
})

describe('filters', () => {
  test.each<[Filter[], string[]]>([
    [[['status', 'any', 'refused']], ['broken']],
    [
      [
        ['status', 'any', 'ok', 'refused'],
        ['rank', 'any', '16'],
      ],
      ['gamma'],
    ],
    [[['status', 'all', 'ok', 'refused']], []],
    [[['status', 'none', 'ok']], ['broken']],
    [[['variant', 'any', 'dora']], ['epsilon_dora']],
    [[['origin', 'any', 'merged']], []],
    [[['baseModelName', 'any', 'Org/Big-Llama']], ['Beta']],
    [[['baseModelName', 'any', '']], ['gamma']],
    [[['baseModelName', 'any', '', 'Org/Big-Llama']], ['Beta', 'gamma']],
    [[['baseModelName', 'none', '', 'Org/Big-Llama']], ['alpha', 'broken', 'délta 100%', 'epsilon_dora', 'twin']],
    [[['licence', 'none', '']], []],
    [[['rank', 'any', '2']], ['délta 100%']],
    [[['rank', 'any', '8', '16']], ['Beta', 'gamma']],
    [[['rank', 'all', '2', '4']], ['délta 100%']],
    [[['rank', 'any', '']], []],
    [[['targetModule', 'none', '']], ['Beta', 'alpha', 'broken', 'délta 100%', 'epsilon_dora', 'gamma', 'twin']],
    [[['rank', 'any', '16.0', ' 16', '0x10', '1e1']], []],
    [
      [
        ['targetModule', 'any', 'down_proj'],
        ['rank', 'any', '4'],
        ['status', 'any', 'ok'],
      ],
      ['alpha', 'délta 100%', 'epsilon_dora', 'twin'],
    ],
    [[['targetModule', 'none', 'down_proj']], ['Beta']],
    [[['tag', 'any', 'NEWS']], ['alpha', 'gamma']],
    [[['tag', 'all', 'news', 'LONG']], ['gamma']],
    [
      [
        ['tag', 'any', 'news'],
        ['tag', 'none', 'long'],
      ],
      ['alpha'],
    ],
    [
      [
        ['tag', 'any', ''],
        ['status', 'any', 'ok'],
      ],
      ['Beta', 'délta 100%', 'epsilon_dora', 'twin'],
    ],
    [[['is', 'any', 'favourite']], ['Beta']],
    [[['is', 'any', 'warnings']], ['epsilon_dora', 'twin']],
    [[['is', 'any', 'duplicate']], ['alpha', 'twin']],
    [[['is', 'all', 'duplicate', 'warnings']], ['twin']],
    [[['is', 'any', '']], ['broken', 'délta 100%', 'gamma']],
    [[['failsScreen', 'any', 'no-patterns']], ['délta 100%']],
    [[['failsScreen', 'any', 'base-named']], ['gamma']],
    [[['failsScreen', 'any', "x') OR 1 --"]], []],
    [[['failsScreen', 'none', 'base-named', 'no-patterns', 'no-variant-switch']], ['Beta', 'alpha', 'broken', 'twin']],
  ])('%j', (given, expected) => {
    const filters = given.map(([facet, mode, ...values]) => ({ facet, mode, values }))
    expect(sorted({ filters })).toEqual(expected)
    expect(library.adapters.list(queryOf({ filters })).total).toBe(expected.length)
  })
})

describe('search', () => {
  test.each<[string, string[]]>([
    ['ALPHA', ['alpha']],
    ['et', ['Beta']],
    ['delta', ['délta 100%']],
    ['100%', ['délta 100%']],
    ['0%', ['délta 100%']],
    ['_d', ['epsilon_dora']],
    ['big-llama', ['Beta']],
    ['tiny', ['alpha', 'broken', 'délta 100%', 'epsilon_dora', 'twin']],
    ['short answers', ['alpha', 'gamma']],
    ['quizz', ['gamma']],
    ['"quoted"', ['gamma']],
    ['news quizzes', ['gamma']],
    ['news llama tiny', ['alpha']],
    ['up_proj twin', ['twin']],
    ['pool/gamma', ['gamma']],
    ['AND', []],
    ['nothing-like-this', []],
    ['"', ['gamma']],
    ["'; DROP TABLE adapters; --", []],
    ['twin*', []],
    ['  ', ['Beta', 'alpha', 'broken', 'délta 100%', 'epsilon_dora', 'gamma', 'twin']],
    ['\0', ['Beta', 'alpha', 'broken', 'délta 100%', 'epsilon_dora', 'gamma', 'twin']],
  ])('%j', (text, expected) => {
    expect(sorted({ text })).toEqual(expected)
  })
  test('with filters', () => {
    const filters: LibraryFilter[] = ([['variant', 'plain'], ['status', 'ok'], ['is', 'warnings']] as const).map(([facet, value]) => ({ facet, mode: 'any', values: [value] })) // prettier-ignore
    expect(sorted({ text: 'tiny', filters })).toEqual(['twin'])
  })
})

test('facets count the whole library', () => {
  expect(library.adapters.facets()).toEqual({
    total: 7,
    counts: {
      status: [{ value: 'ok', count: 6 }, { value: 'refused', count: 1 }], // prettier-ignore
      variant: [{ value: 'plain', count: 6 }, { value: 'dora', count: 1 }], // prettier-ignore
      origin: [{ value: 'imported', count: 7 }],
      baseModelName: [{ value: 'test/tiny-llama', count: 5 }, { value: '', count: 1 }, { value: 'Org/Big-Llama', count: 1 }], // prettier-ignore
      licence: [{ value: '', count: 7 }],
      rank: [{ value: '2', count: 1 }, { value: '4', count: 5 }, { value: '8', count: 1 }, { value: '16', count: 1 }], // prettier-ignore
      targetModule: [
        { value: 'q_proj', count: 7 },
        { value: 'v_proj', count: 7 },
        ...['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'up_proj'].map((value) => ({ value, count: 6 })),
      ],
      tag: [{ value: '', count: 5 }, { value: 'news', count: 2 }, { value: 'Short Answers', count: 2 }, { value: 'long', count: 1 }], // prettier-ignore
      collection: [{ value: '', count: 7 }],
      failsScreen: [{ value: '', count: 4 }, ...['base-named', 'no-patterns', 'no-variant-switch'].map((value) => ({ value, count: 1 }))],
      is: [{ value: 'favourite', count: 1 }, ...['warnings', 'duplicate', 'near-duplicate'].map((value) => ({ value, count: 2 }))],
    },
  })
})
