import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeAdapter, tinyConfig, writeConfig } from '../../helpers/adapters.ts'
import { codes, openBench, queryOf, type Bench } from './support.ts'

const rowsOf = (bench: Bench) => bench.library.adapters.list(queryOf({ sort: { column: 'added', descending: false } })).rows

/** Three adapters, of which the first two are moved away; a stranger of the same size lies beside them. */
async function withMoved(): Promise<Bench & { readonly moved: string; readonly ids: readonly string[] }> {
  const bench = openBench()
  const places = ['a', 'b', 'c'].map((name, seed) => makeAdapter(join(bench.folder, 'pool', name), { seed }))
  const report = await bench.take(...places)
  const moved = join(bench.folder, 'moved')
  mkdirSync(moved)
  renameSync(places[0]!, join(moved, 'first'))
  renameSync(places[1]!, join(moved, 'second'))
  makeAdapter(join(moved, 'stranger'), { seed: 77 })
  expect(await bench.importer.rescan()).toEqual({ missing: 2, found: 0 })
  return { ...bench, moved, ids: report.items.map(({ id }) => id ?? '') }
}

const relink = async (bench: Bench, ...paths: string[]) => bench.importer.finished(bench.importer.relink(paths).id ?? '')

test('missing adapters are found by their content, and nothing else comes in', async () => {
  const bench = await withMoved()
  bench.library.adapters.setNotes(bench.ids[0] ?? '', 'kept')
  // What is left to be told of the import and the rescan.
  await setTimeout(200)
  bench.changed.length = 0
  const report = await relink(bench, bench.moved)
  expect(report.counts).toMatchObject({ imported: 0, duplicate: 2, refused: 0, pending: 0 })
  expect(report.items.map(({ path, id, status }) => [path, id, status])).toEqual([
    [join(bench.moved, 'first'), bench.ids[0], 'duplicate'],
    [join(bench.moved, 'second'), bench.ids[1], 'duplicate'],
  ])
  expect(report.items[0]?.problems).toMatchObject([{ message: 'These are the files of "a", which was missing; it lies here now.' }])
  expect(rowsOf(bench).map(({ name, status }) => [name, status])).toEqual([['a', 'ok'], ['b', 'ok'], ['c', 'ok']]) // prettier-ignore
  expect(bench.library.adapters.get(bench.ids[0] ?? '')).toMatchObject({
    notes: 'kept',
    paths: [join(bench.moved, 'first'), join(bench.folder, 'pool/a')],
  })
  await expect.poll(() => bench.changed.toSorted()).toEqual(bench.ids.slice(0, 2).toSorted())
  expect(report.finishedAt).not.toBeNull()
  expect(bench.progress.filter(({ id }) => id === report.id).map(({ stage }) => stage)).toEqual(
    expect.arrayContaining(['scanning', 'listing', 'checking', 'done']),
  )
  // Once everything is found there is nothing to look for.
  expect((await relink(bench, bench.moved)).items).toEqual([])
})

test('only files that can be meant are hashed', async () => {
  const bench = await withMoved()
  makeAdapter(join(bench.moved, 'other-size'), { r: 8, seed: 5 })
  const other = makeAdapter(join(bench.moved, 'other-config'), { seed: 0 })
  writeConfig(other, tinyConfig({ alpha: 99 }))
  const hashed: string[] = []
  const { hashes } = bench.library.adapters
  const put = hashes.put
  Object.assign(hashes, { put: (...given: Parameters<typeof put>) => (hashed.push(given[0]), put(...given)) })
  await relink(bench, bench.moved)
  // The stranger has the size, the config and the header of the missing ones; only its hash tells.
  expect(hashed.map((path) => path.slice(bench.moved.length + 1).split('/')[0])).toEqual(['first', 'second', 'stranger'])
})

test('folders without anything, broken ones and circles of links are no hindrance', async () => {
  const bench = await withMoved()
  symlinkSync(bench.moved, join(bench.moved, 'circle'))
  mkdirSync(join(bench.folder, 'empty'))
  makeAdapter(join(bench.moved, 'broken'), { seed: 0 })
  rmSync(join(bench.moved, 'broken/adapter_config.json'))
  const report = await relink(bench, join(bench.folder, 'empty'), join(bench.folder, 'nowhere'), bench.moved)
  expect(report.items.map(({ status, problems }) => [status, ...codes(problems)])).toEqual([
    ['refused', 'no-adapter-found'],
    ['refused', 'folder-unreadable'],
    ['duplicate', 'duplicate'],
    ['duplicate', 'duplicate'],
  ])
  expect(bench.names()).toEqual(['a', 'b', 'c'])
})

test('two copies of one missing adapter are both noted', async () => {
  const bench = await withMoved()
  cpSync(join(bench.moved, 'first'), join(bench.moved, 'copy'), { recursive: true })
  await relink(bench, bench.moved)
  expect(bench.library.adapters.get(bench.ids[0] ?? '')?.paths.slice(0, 2).sort()).toEqual([join(bench.moved, 'copy'), join(bench.moved, 'first')]) // prettier-ignore
})

test('importing a folder that holds a missing adapter finds it again too', async () => {
  const bench = await withMoved()
  const report = await bench.take(bench.moved)
  expect(report.counts).toMatchObject({ imported: 1, duplicate: 2, refused: 0 })
  expect(rowsOf(bench).map(({ name, status }) => [name, status])).toEqual([['a', 'ok'], ['b', 'ok'], ['c', 'ok'], ['stranger', 'ok']]) // prettier-ignore
  expect(bench.library.adapters.get(bench.ids[1] ?? '')?.paths[0]).toBe(join(bench.moved, 'second'))
})

test('without a path there is nothing to look through', () => {
  const bench = openBench()
  expect(bench.importer.relink([])).toMatchObject({ id: null, problems: [{ code: 'no-adapter-found' }] })
})
