import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { requests } from '../../../src-main/contract/bridge.ts'
import { facetIds, facets as facetTable, libraryMarks, type Facets, type LibraryFilter } from '../../../src-main/contract/library-query.ts'
import { isNarrowed, placeOfValue, plainQuery, sameQuestion, sentQuery, withFilter } from '../../../src-renderer/state/library-filters.ts'
import { showsView, queryOf } from '../../../src-renderer/state/views.svelte.ts'
import { cleanTag, countHolders, tagsLost } from '../../../src-renderer/views/adapters/bulk-edit.ts'
import {
  chipPlaces,
  facetValues,
  filterWords,
  markWords,
  modesOf,
  usualFacets,
  valueMeaning,
} from '../../../src-renderer/views/library/filters.ts'

const filter = (facet: LibraryFilter['facet'], mode: LibraryFilter['mode'], ...values: string[]): LibraryFilter => ({ facet, mode, values })
const facets: Facets = {
  total: 30,
  counts: {
    ...(Object.fromEntries(facetIds.map((facet) => [facet, []])) as unknown as Facets['counts']),
    tag: [
      { value: 'german', count: 12 },
      { value: 'keep', count: 3 },
    ],
    collection: [{ value: 'c1', label: 'Paper figures', count: 4 }],
    baseModelName: [{ value: '', count: 2 }],
  },
}

describe('filters of a query', () => {
  const tag = filter('tag', 'any', 'german')
  const rank = filter('rank', 'none', '8')
  test('one is replaced, taken away or added at its place', () => {
    expect(withFilter([tag, rank], 1, filter('rank', 'any', '4'))).toEqual([tag, filter('rank', 'any', '4')])
    expect(withFilter([tag, rank], 0, null)).toEqual([rank])
    expect(withFilter([tag], 1, rank)).toEqual([tag, rank])
  })
  test('a filter without values is not sent, does not narrow and asks for nothing else', () => {
    const empty = { ...plainQuery, filters: [filter('tag', 'none')] }
    expect(sentQuery(empty)).toEqual({ text: '', filters: [], sort: { column: 'name', descending: false } })
    expect(isNarrowed(empty)).toBe(false)
    expect(sameQuestion(plainQuery, empty)).toBe(true)
    expect(sameQuestion(plainQuery, { ...plainQuery, filters: [tag] })).toBe(false)
    expect(isNarrowed({ ...plainQuery, filters: [tag] })).toBe(true)
    expect(isNarrowed({ ...plainQuery, text: ' a' })).toBe(true)
    expect(isNarrowed({ ...plainQuery, sort: { column: 'norm', descending: true } })).toBe(false)
  })
  test.each(facetIds.flatMap((facet) => modesOf(facet).map((mode) => [facet, mode] as const)))(
    '%s with mode %s is one the host takes',
    (facet, mode) => {
      const query = sentQuery({ ...plainQuery, filters: [filter(facet, mode, 'x')] })
      expect(v.safeParse(requests['library.list'].input, { ...query, offset: 0, limit: 10 }).success).toBe(true)
    },
  )
  test('"all of" is offered only where an adapter can have several values', () => {
    expect(modesOf('status')).toEqual(['any', 'none'])
    expect(modesOf('tag')).toEqual(['any', 'all', 'none'])
    expect(facetIds.filter((facet) => modesOf(facet).includes('all'))).toEqual(facetIds.filter((facet) => facetTable[facet].many))
  })
  test('a filter that shows exactly one value is found', () => {
    expect(placeOfValue([tag, filter('collection', 'any', 'c1')], 'collection', 'c1')).toBe(1)
    expect(placeOfValue([filter('collection', 'none', 'c1')], 'collection', 'c1')).toBe(-1)
    expect(placeOfValue([filter('collection', 'any', 'c1', 'c2')], 'collection', 'c1')).toBe(-1)
  })
})

describe('chips', () => {
  const said = (chip: LibraryFilter): string => {
    const { facet, mode, values } = filterWords(chip, facetValues(chip.facet, facets, chip.values))
    return [facet, mode, values].filter((part) => part !== '').join(' ')
  }
  test('say facet, mode and values', () => {
    expect(said(filter('tag', 'any', 'german'))).toBe('Tag is german')
    expect(said(filter('tag', 'none', 'german'))).toBe('Tag is not german')
    expect(said(filter('tag', 'all', 'german', 'keep'))).toBe('Tag all of german, keep')
    expect(said(filter('tag', 'none', 'german', 'keep', 'gone'))).toBe('Tag none of german and 2 more')
    expect(said(filter('collection', 'any', 'c1'))).toBe('Collection is Paper figures')
    expect(said(filter('baseModelName', 'any', ''))).toBe('Base model is not named')
    expect(said(filter('is', 'none', 'near-duplicate'))).toBe('is not near duplicate')
    expect(said(filter('variant', 'any', 'dora'))).toBe('Kind is DoRA')
  })
  test('values that no adapter has any more are still listed while they are chosen', () => {
    expect(facetValues('tag', facets, ['gone']).map(({ value, count }) => `${value} ${count}`)).toEqual(['german 12', 'keep 3', 'gone 0'])
  })
  test('every mark has its meaning, and duplicates say what makes them so', () => {
    for (const mark of libraryMarks) expect(valueMeaning('is', mark)).toBe(markWords[mark].meaning)
    expect(valueMeaning('is', 'duplicate')).toContain('same tensor hash')
    expect(valueMeaning('is', 'near-duplicate')).toContain('0.99')
    expect(valueMeaning('tag', 'german')).toBe('')
  })
  test('usual facets keep their places whether set or not; others follow; keys outlast editing', () => {
    const places = (filters: readonly LibraryFilter[]): string[] =>
      chipPlaces(filters, (facet) => facet !== 'rank').map(({ key, place }) => `${key}:${place}`)
    expect(places([])).toEqual(['status 0:-1', 'baseModelName 0:-1', 'targetModule 0:-1', 'tag 0:-1', 'is 0:-1'])
    expect(
      places([filter('licence', 'any', 'mit'), filter('tag', 'any', 'a'), filter('rank', 'any', '8'), filter('tag', 'none', 'b')]),
    ).toEqual(['status 0:-1', 'rank 0:2', 'baseModelName 0:-1', 'targetModule 0:-1', 'tag 0:1', 'tag 1:3', 'is 0:-1', 'licence 0:0'])
    expect(usualFacets.every((facet) => facetIds.includes(facet))).toBe(true)
  })
})

describe('tags of a selection', () => {
  const lists = [['german', 'keep'], ['german'], []]
  test('are counted, those in use first', () => {
    expect(countHolders(lists, ['zebra', 'keep', 'alpha']).map(({ id, holders }) => `${id} ${holders}`)).toEqual([
      'german 2',
      'keep 1',
      'alpha 0',
      'zebra 0',
    ])
  })
  test('replacing takes every other one, clearing takes all', () => {
    expect(tagsLost(lists, 'German')).toEqual(['keep'])
    expect(tagsLost(lists, null)).toEqual(['german', 'keep'])
  })
  test('blanks around a typed tag go', () => expect(cleanTag('  very   old ')).toBe('very old'))
})

describe('saved views', () => {
  const view = {
    id: '1',
    name: 'German, large',
    query: {
      text: 'x',
      filters: [filter('tag', 'any', 'german')],
      sort: { column: 'norm' as const, descending: true },
      offset: 0,
      limit: 200,
    },
    columns: ['rank', 'norm'],
  }
  test('a view is shown when rows, order and columns are its own', () => {
    const query = queryOf(view)
    expect(showsView(view, { query, columns: ['rank', 'norm'] })).toBe(true)
    expect(showsView(view, { query, columns: ['norm', 'rank'] })).toBe(false)
    expect(showsView(view, { query: { ...query, filters: [...query.filters, filter('rank', 'any')] }, columns: ['rank', 'norm'] })).toBe(
      true,
    )
    expect(showsView(view, { query: { ...query, text: '' }, columns: ['rank', 'norm'] })).toBe(false)
  })
})
