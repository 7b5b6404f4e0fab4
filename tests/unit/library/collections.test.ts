import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keptEdits } from '../../../src-main/library/edit-journal.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { codes, openBench, queryOf, type Bench } from './support.ts'

interface Pool extends Bench {
  readonly ids: readonly string[]
  /** Tags or collections of each adapter, in the order of `ids`. */
  tags(): readonly (readonly string[])[]
  sets(): readonly (readonly string[])[]
  inCollection(id: string): readonly string[]
}

async function withPool(names: readonly string[] = ['a', 'b', 'c']): Promise<Pool> {
  const bench = openBench()
  names.forEach((name, seed) => makeAdapter(join(bench.folder, 'pool', name), { seed }))
  await bench.take(join(bench.folder, 'pool'))
  const { adapters } = bench.library
  const ids = adapters.ids(queryOf({}))
  return {
    ...bench,
    ids,
    tags: () => adapters.byIds(ids).map((row) => row.tags),
    sets: () => adapters.byIds(ids).map((row) => row.collections),
    inCollection: (id) => bench.names({ filters: [{ facet: 'collection', values: [id] }] }),
  }
}

describe('collections', () => {
  test('hold adapters, each in as many as one likes, and count them', async () => {
    const { library, ids, sets, inCollection } = await withPool()
    const { collections } = library
    const [news, mine] = ['News', 'mine'].map((name) => collections.create(name).id ?? '') as [string, string]
    expect(collections.edit(ids.slice(0, 2), [news, mine], [])).toEqual([])
    expect(collections.edit([ids[2] ?? ''], [mine], [])).toEqual([])
    expect(sets()).toEqual([['mine', 'News'], ['mine', 'News'], ['mine']]) // prettier-ignore
    expect(collections.list()).toEqual([{ id: mine, name: 'mine', count: 3 }, { id: news, name: 'News', count: 2 }]) // prettier-ignore
    expect(inCollection(news)).toEqual(['a', 'b'])
    expect(library.adapters.facets().counts.collection).toEqual([{ value: mine, label: 'mine', count: 3 }, { value: news, label: 'News', count: 2 }]) // prettier-ignore
    collections.edit([ids[0] ?? ''], [], [news])
    expect(inCollection(news)).toEqual(['b'])
    library.adapters.remove([ids[1] ?? ''])
    expect(collections.list().map(({ count }) => count)).toEqual([2, 0])
  })

  test('have names of their own, whatever the letter case', async () => {
    const { library } = await withPool(['a'])
    const { collections } = library
    const first = collections.create('Short Answers').id ?? ''
    expect(collections.create('short ANSWERS')).toMatchObject({ id: null, problems: [{ code: 'name-taken', where: { value: 'Short Answers' } }] }) // prettier-ignore
    const other = collections.create('Long').id ?? ''
    expect(codes(collections.rename(other, 'SHORT answers'))).toEqual(['name-taken'])
    expect(collections.rename(first, 'SHORT answers')).toEqual([])
    expect(collections.find('short answers')).toMatchObject({ id: first, name: 'SHORT answers' })
    expect(collections.find(first)).toMatchObject({ id: first })
    expect(collections.find('1.0')).toMatchObject({ code: 'collection-unknown', allowed: ['Long', 'SHORT answers'] })
  })

  test('unknown ones are refused, and nothing is changed then', async () => {
    const { library, ids, sets } = await withPool(['a'])
    const { collections } = library
    const known = collections.create('known').id ?? ''
    expect(codes(collections.edit(ids, [known, '99'], []))).toEqual(['collection-unknown'])
    expect(sets()).toEqual([[]])
    expect(codes(collections.rename('99', 'x'))).toEqual(['collection-unknown'])
    expect(codes(collections.remove('99'))).toEqual(['collection-unknown'])
    expect(codes(collections.edit(['nobody', ...ids], [known], []))).toEqual(['adapter-unknown'])
    expect(sets()).toEqual([['known']])
  })

  test('a removed one leaves its adapters, and its id is never given again', async () => {
    const { library, ids, sets, names } = await withPool(['a'])
    const { collections } = library
    const old = collections.create('old').id ?? ''
    collections.edit(ids, [old], [])
    expect(collections.remove(old)).toEqual([])
    expect([names(), sets()]).toEqual([['a'], [[]]])
    const next = collections.create('next').id
    expect(next).not.toBe(old)
    // Putting back what was edited does not reach the new one.
    expect(library.journal.undo()).toMatchObject({ label: 'Collections of 1 adapter' })
    expect(collections.list()).toMatchObject([{ id: next, count: 0 }])
  })
})

describe('taking back', () => {
  test('edits come back one after the other, newest first, and only what they changed', async () => {
    const { library, ids, tags, sets, changed } = await withPool()
    const { adapters, collections, journal } = library
    const set = collections.create('set').id ?? ''
    expect(journal.undoable()).toBeNull()
    expect(journal.undo()).toBeNull()
    adapters.editTags([ids[0] ?? ''], ['news'], [])
    adapters.editTags(ids, ['News', 'new'], [])
    collections.edit(ids.slice(1), [set], [])
    adapters.editTags(ids.slice(0, 2), ['last'], ['NEWS', 'unheard of'])
    expect(tags()).toEqual([['last', 'new'], ['last', 'new'], ['new', 'news']]) // prettier-ignore
    expect(journal.undoable()).toMatchObject({ label: 'Tags of 2 adapters' })
    expect(journal.undo()).toEqual({ label: 'Tags of 2 adapters', kind: 'tags', ids: expect.arrayContaining(ids.slice(0, 2)) })
    expect(tags()).toEqual([['new', 'news'], ['new', 'news'], ['new', 'news']]) // prettier-ignore
    expect(sets()).toEqual([[], ['set'], ['set']])
    expect(journal.undo()?.label).toBe('Collections of 2 adapters')
    expect(sets()).toEqual([[], [], []])
    // The first adapter had the tag before.
    expect(journal.undo()?.label).toBe('Tags of 3 adapters')
    expect(tags()).toEqual([['news'], [], []])
    expect(journal.undo()?.label).toBe('Tags of 1 adapter')
    expect([tags(), adapters.facets().counts.tag]).toEqual([[[], [], []], [{ value: '', count: 3 }]])
    expect(journal.undo()).toBeNull()
    expect(changed).toEqual(expect.arrayContaining([...ids]))
  })

  test('an edit that changes nothing is none', async () => {
    const { library, ids } = await withPool(['a'])
    library.adapters.editTags(ids, ['one'], [])
    const before = library.journal.undoable()
    library.adapters.editTags(ids, ['ONE'], ['two'])
    library.adapters.editTags(['nobody'], ['three'], [])
    library.adapters.editTags(ids, [], [])
    expect(library.journal.undoable()).toEqual(before)
    expect(library.adapters.facets().counts.tag).toEqual([{ value: 'one', count: 1 }])
  })

  test('a tag given and taken in one edit', async () => {
    const { library, ids, tags } = await withPool(['a', 'b'])
    library.adapters.editTags([ids[0] ?? ''], ['both'], [])
    library.adapters.editTags(ids, ['both'], ['both'])
    expect(tags()).toEqual([[], []])
    library.journal.undo()
    expect(tags()).toEqual([['both'], []])
  })

  test('what was removed meanwhile is passed over', async () => {
    const { library, ids, tags } = await withPool()
    const { adapters, collections, journal } = library
    const set = collections.create('set').id ?? ''
    collections.edit(ids, [set], [])
    adapters.editTags(ids, ['kept'], [])
    adapters.editTags(ids, [], ['kept'])
    adapters.remove([ids[0] ?? ''])
    expect(journal.undo()).toEqual({ label: 'Tags of 3 adapters', kind: 'tags', ids: expect.arrayContaining(ids.slice(1)) })
    expect(adapters.byIds(ids).map((row) => row.tags)).toEqual([['kept'], ['kept']])
    collections.remove(set)
    journal.undo()
    expect(journal.undo()?.label).toBe('Collections of 3 adapters')
    expect(tags()).toEqual([[], []])
  })

  test('the last hundred edits can be taken back, also after the library was opened anew', async () => {
    const bench = await withPool(['a'])
    for (let edit = 0; edit < keptEdits + 5; edit++) bench.library.adapters.editTags(bench.ids, [`t${edit}`], [])
    await bench.importer.close()
    bench.library.close()
    const again = openBench({ folder: bench.folder })
    let undone = 0
    while (again.library.journal.undo()) undone += 1
    expect(undone).toBe(keptEdits)
    expect(again.library.adapters.byIds(bench.ids)[0]?.tags).toEqual(['t0', 't1', 't2', 't3', 't4'])
  })
})

test('collections and tags go over to the adapter whose content a row turns out to have', async () => {
  const { library, ids, folder } = await withPool(['first', 'second'])
  const { adapters, collections } = library
  const set = collections.create('set').id ?? ''
  collections.edit([ids[1] ?? ''], [set], [])
  adapters.editTags([ids[1] ?? ''], ['tagged'], [])
  const [into, from] = ['first', 'second'].map((name) => adapters.writes.atPath(join(folder, 'pool', name))?.seq ?? 0) as [number, number]
  adapters.writes.together(() => adapters.writes.absorb(into, from))
  expect(adapters.byIds(ids)).toMatchObject([{ id: ids[0], collections: ['set'], tags: ['tagged'] }])
})

describe('saved views', () => {
  const query = queryOf({ text: 'news', filters: [{ facet: 'rank', mode: 'none', values: ['16'] }], offset: 400 })

  test('are kept, changed and removed', async () => {
    const bench = await withPool(['a'])
    const { views } = bench.library
    const { id } = views.save({ id: null, name: 'Mine', query, columns: ['name', 'rank'] })
    expect(views.list()).toEqual([{ id, name: 'Mine', query: { ...query, offset: 0 }, columns: ['name', 'rank'] }])
    expect(views.save({ id, name: 'mine', query: queryOf({}), columns: [] })).toEqual({ id, problems: [] })
    expect(views.list()).toEqual([{ id, name: 'mine', query: queryOf({}), columns: [] }])
    expect(views.save({ id: null, name: 'MINE', query, columns: [] })).toMatchObject({ id: null, problems: [{ code: 'name-taken' }] })
    expect(views.save({ id: 'nobody', name: 'x', query, columns: [] })).toMatchObject({ id: null, problems: [{ code: 'view-unknown' }] })
    expect(views.remove(id ?? '')).toEqual([])
    expect(codes(views.remove(id ?? ''))).toEqual(['view-unknown'])
    expect(views.list()).toEqual([])
  })
})
