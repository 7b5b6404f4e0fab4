import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AdapterDetail } from '../../../src-main/contract/adapter.ts'
import { facetIds, facets, filterModes, sortColumns, type Facet, type LibraryFilter, type LibraryQuery } from '../../../src-main/contract/library-query.ts' // prettier-ignore
import { loadCatalogue } from '../../../src-main/library/load-catalogue.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { fillLibrary, randomFrom } from '../../bench/large-library.ts'
import { queryOf, temporaryFolder } from './support.ts'

const hostile = [
  ...[
    '',
    ' ',
    "'",
    '"',
    "'; DROP TABLE adapters; --",
    '%',
    '_',
    '100%',
    '\\',
    '\0',
    'a\0b',
    '*',
    'NEAR(',
    'AND',
    '✓',
    '🎈 balloon',
    'ИМЯ',
    'ß',
  ],
  ...[
    'Délta',
    'DELTA',
    'e\u0301',
    'line\nbreak',
    '__proto__',
    'constructor',
    'null',
    '1',
    '01',
    '1e0',
    '-1',
    '9'.repeat(30),
    'x'.repeat(700),
  ],
]

function open(folder = temporaryFolder()): Library {
  const library = openLibrary({ folder, log: silentLog })
  onTestFinished(() => library.close())
  return library
}

/** What a filter means, told once more and without a thought for speed, over what the library shows of an adapter. */
function plainValues(adapter: AdapterDetail, facet: Facet, collectionIds: ReadonlyMap<string, string>): readonly string[] {
  const given: Readonly<Record<Facet, readonly (string | null)[]>> = {
    status: [adapter.status],
    variant: [adapter.variant],
    origin: [adapter.origin],
    baseModelName: [adapter.baseModelName],
    licence: [adapter.licence],
    rank: adapter.ranks.map(String),
    targetModule: adapter.targetModules,
    tag: adapter.tags.map(asciiLower),
    collection: adapter.collections.map((name) => collectionIds.get(name) ?? 'gone'),
    failsScreen: Object.entries(adapter.screens).flatMap(([screen, passed]) => (passed === false ? [screen] : [])),
    is: [
      adapter.favourite ? 'favourite' : null,
      adapter.status === 'missing' || adapter.problems.some(({ severity }) => severity === 'warning') ? 'warnings' : null,
      adapter.sameWeights.length > 0 ? 'duplicate' : null,
      // Nothing was compared, so that only the very same factors count.
      adapter.sameWeights.length > 0 ? 'near-duplicate' : null,
    ],
  }
  return given[facet].filter((value): value is string => value !== null)
}

function plainFits(adapter: AdapterDetail, { facet, mode, values }: LibraryFilter, collectionIds: ReadonlyMap<string, string>): boolean {
  const held = plainValues(adapter, facet, collectionIds)
  const has = (value: string) => (value === '' ? held.length === 0 : held.includes(facet === 'tag' ? asciiLower(value) : value))
  if (mode === 'all') return values.every(has)
  return mode === 'any' ? values.some(has) : !values.some(has)
}

function plainText(adapter: AdapterDetail, text: string): boolean {
  const { name, baseModelName, notes, targetModules, tags, paths } = adapter
  const fold = (part: string) => part.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const parts = [name, baseModelName ?? '', notes, ...targetModules, ...tags, ...paths].map(fold)
  return text.split(/[\s\0]+/).filter((word) => word !== '').every((word) => parts.some((part) => part.includes(fold(word)))) // prettier-ignore
}

const asciiLower = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/** What a column sorts by. */
const keys: Readonly<Record<(typeof sortColumns)[number], (adapter: AdapterDetail) => string | number | null>> = {
  name: ({ name }) => asciiLower(name),
  base: ({ baseModelName }) => (baseModelName === null ? null : asciiLower(baseModelName)),
  rank: ({ ranks }) => (ranks.length === 0 ? null : Math.max(...ranks)),
  // The filled library keeps its largest scaling apart from the list of them.
  scaling: () => null,
  norm: ({ updateNorm }) => updateNorm,
  effectiveRank: ({ effectiveRank }) => effectiveRank,
  size: ({ sizeBytes }) => sizeBytes,
  status: ({ status }) => status,
  added: ({ addedAt }) => addedAt,
}

interface Random {
  readonly next: () => number
  one<T>(list: readonly T[]): T
  some<T>(list: readonly T[], most: number): T[]
}

function randomOf(seed: number): Random {
  const next = randomFrom(seed)
  const one = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
  return { next, one, some: (list, most) => Array.from({ length: 1 + Math.floor(next() * most) }, () => one(list)) }
}

function randomQuery(random: Random, adapters: readonly AdapterDetail[], collectionIds: ReadonlyMap<string, string>): LibraryQuery {
  const filters = Array.from({ length: Math.floor(random.next() * 4) }, (): LibraryFilter => {
    const facet = random.one(facetIds)
    const { values: fixed } = facets[facet] as { readonly values?: readonly string[] }
    const known: readonly string[] = fixed ?? adapters.flatMap((adapter) => plainValues(adapter, facet, collectionIds))
    const pool = random.next() < 0.75 && known.length > 0 ? [...known, '', ''] : [...hostile, ...known]
    const values = random.some(pool, 4).map((value) => (facet === 'tag' && random.next() < 0.5 ? value.toUpperCase() : value)) // prettier-ignore
    return { facet, mode: random.one(filterModes), values }
  })
  const words = [
    'news',
    'r16',
    'q_proj',
    'org-1',
    'LLAMA',
    '-3',
    'pools/',
    'x',
    ...adapters.slice(0, 5).map(({ name }) => name),
    ...hostile,
  ]
  const text = random.next() < 0.4 ? random.some(words, 2).join(' ').slice(0, 500) : ''
  const columns = sortColumns.filter((column) => column !== 'scaling')
  return queryOf({ text, filters, sort: { column: random.one(columns), descending: random.next() < 0.5 } })
}

/** Ids in the order that the query asks for, found by looking at every adapter. */
function plainly(query: LibraryQuery, adapters: readonly AdapterDetail[], collectionIds: ReadonlyMap<string, string>): string[] {
  const { column, descending } = query.sort
  const fitting = adapters.filter(
    (adapter) => plainText(adapter, query.text) && query.filters.every((filter) => plainFits(adapter, filter, collectionIds)),
  )
  const place = new Map(adapters.map(({ id }, index) => [id, index]))
  const turn = descending ? -1 : 1
  return fitting
    .toSorted((left, right) => {
      const [one, other] = [keys[column](left), keys[column](right)]
      if ((one === null) !== (other === null)) return one === null ? 1 : -1
      if (one !== null && other !== null && one !== other) return (one < other ? -1 : 1) * turn
      return (place.get(left.id)! - place.get(right.id)!) * turn
    })
    .map(({ id }) => id)
}

/** One change of the library of any kind that a person or an import makes. */
function change(library: Library, random: Random, ids: string[]): void {
  const { adapters, collections } = library
  const some = random.some(ids, 12)
  const texts = hostile.map((text) => text.slice(0, 200))
  const kinds: readonly (() => unknown)[] = [
    () => adapters.editTags(some, random.some([...texts, 'Kept', 'KEPT'], 2), random.some(texts, 1)),
    () => adapters.setFavourite(some, random.next() < 0.5),
    () => adapters.setName(some[0]!, random.one(texts)),
    () => adapters.setNotes(some[0]!, random.one(texts)),
    () => collections.create(random.one(texts)),
    () => collections.edit(some, random.some(collections.list(), 1).map(({ id }) => id), []), // prettier-ignore
    () => collections.edit(some, [], random.some(collections.list(), 2).map(({ id }) => id)), // prettier-ignore
    () => collections.remove(random.one(collections.list()).id),
    () => library.journal.undo(),
    () => adapters.paths.setPresent(adapters.get(some[0]!)?.paths[0] ?? '', random.next() < 0.5),
    () => adapters.remove(ids.splice(Math.floor(random.next() * ids.length), 1)),
  ]
  random.one(kinds)()
}

test.each([1, 2, 3, 4])('queries agree with a look at every adapter, while the library changes (seed %i)', (seed) => {
  const library = open()
  fillLibrary(library, 160, seed)
  const random = randomOf(seed * 7919)
  const ids = library.adapters.ids(queryOf({ sort: { column: 'added', descending: false } }))
  let found = 0
  for (let round = 0; round < 12; round++) {
    for (let edits = random.next() * 4; edits > 0; edits--) change(library, random, ids)
    const adapters = ids.map((id) => library.adapters.get(id)!)
    const collectionIds = new Map(library.collections.list().map(({ id, name }) => [name, id]))
    for (let asked = 0; asked < 12; asked++) {
      const query = randomQuery(random, adapters, collectionIds)
      const expected = plainly(query, adapters, collectionIds)
      expect(library.adapters.ids(query), JSON.stringify(query)).toEqual(expected)
      const page = { ...query, offset: Math.floor(random.next() * 40), limit: 1 + Math.floor(random.next() * 30) }
      const { rows, total } = library.adapters.list(page)
      expect(total).toBe(expected.length)
      expect(rows.map(({ id }) => id)).toEqual(expected.slice(page.offset, page.offset + page.limit))
      found += expected.length
    }
    const { total, counts } = library.adapters.facets()
    expect(total).toBe(ids.length)
    for (const facet of facetIds)
      for (const { value, count } of counts[facet])
        expect(count, `${facet} ${value}`).toBe(adapters.filter((adapter) => plainFits(adapter, { facet, mode: 'any', values: [value] }, collectionIds)).length) // prettier-ignore
  }
  // Queries that never find anything would agree with anything.
  expect(found).toBeGreaterThan(500)
})

describe('what is held in memory', () => {
  test('follows what another process writes', () => {
    const folder = temporaryFolder()
    const one = open(folder)
    fillLibrary(one, 40)
    const ids = one.adapters.ids(queryOf({}))
    const other = open(folder)
    expect(other.adapters.ids(queryOf({}))).toEqual(ids)
    one.adapters.setName(ids[0] ?? '', 'zzz renamed')
    one.adapters.remove([ids[1] ?? ''])
    expect(other.adapters.ids(queryOf({}))).toEqual([...ids.slice(2), ids[0]])
    expect(other.adapters.facets().total).toBe(39)
    expect(one.adapters.ids(queryOf({}))).toEqual([...ids.slice(2), ids[0]])
  })

  test('forgets what was rolled back', () => {
    const library = open()
    fillLibrary(library, 10)
    const ids = library.adapters.ids(queryOf({}))
    expect(() =>
      library.adapters.writes.together(() => {
        library.adapters.setName(ids[0] ?? '', 'zzz')
        throw new Error('stopped')
      }),
    ).toThrow('stopped')
    expect(library.adapters.ids(queryOf({}))).toEqual(ids)
    expect(library.adapters.ids(queryOf({ text: 'zzz' }))).toEqual([])
  })

  test('is loaded in parts, and a search meanwhile finds everything', async () => {
    const folder = temporaryFolder()
    fillLibrary(open(folder), 1700)
    const library = open(folder)
    expect(library.adapters.loadSome()).toBe(true)
    expect(library.adapters.list(queryOf({})).total).toBe(1700)
    expect(library.adapters.loadSome()).toBe(false)
    const fresh = open(folder)
    const stop = new AbortController()
    const loading = loadCatalogue(fresh.adapters, stop.signal)
    await setImmediate()
    stop.abort()
    await loading
    expect(fresh.adapters.loadSome()).toBe(true)
  })

  test('the largest query that the contract allows is answered', () => {
    const library = open()
    fillLibrary(library, 30)
    const values = Array.from({ length: 200 }, (_, index) => `value ${index}`)
    const filters = Array.from({ length: 50 }, (_, index): LibraryFilter => ({ facet: facetIds[index % facetIds.length]!, mode: 'none', values })) // prettier-ignore
    expect(library.adapters.list(queryOf({ filters })).total).toBe(30)
    expect(library.adapters.list(queryOf({ filters: filters.map((filter) => ({ ...filter, mode: 'all' })) })).total).toBe(0)
  })

  test('compared pairs make near duplicates', async () => {
    const folder = temporaryFolder()
    const library = open(folder)
    fillLibrary(library, 4)
    const [one, other] = library.adapters.byIds(library.adapters.ids(queryOf({})))
    const near = () => library.adapters.ids(queryOf({ filters: [{ facet: 'is', mode: 'any', values: ['near-duplicate'] }] }))
    expect(near()).toEqual([])
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(join(folder, 'library.sqlite'))
    db.prepare('INSERT INTO compared_weights (weights_id, content_hash) VALUES (1, ?), (2, ?)').run(one?.contentHash, other?.contentHash)
    db.prepare('INSERT INTO inner_products (low, high, inner_product, cosine) VALUES (1, 2, 1, 0.995)').run()
    db.close()
    expect(near().sort()).toEqual([one?.id, other?.id].sort())
  })
})
