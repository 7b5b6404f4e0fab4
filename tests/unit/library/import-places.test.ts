import { renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stampOf } from '../../../src-main/library/read-file.ts'
import { makeAdapter, tinyConfig, writeConfig } from '../../helpers/adapters.ts'
import { inspectInTypeScript } from '../../helpers/inspect.ts'
import { fillLibrary } from '../../bench/large-library.ts'
import { codes, openBench, queryOf, temporaryFolder, type Bench } from './support.ts'

const weights = 'adapter_model.safetensors'
const rowsOf = (bench: Bench) => bench.library.adapters.list(queryOf({ sort: { column: 'added', descending: false } })).rows

describe('importing a known path again', () => {
  test('unchanged, nothing is read and it is a duplicate', async () => {
    let inspections = 0
    const bench = openBench({ inspect: (request, signal) => ((inspections += 1), inspectInTypeScript(request, signal)) })
    const a = makeAdapter(join(bench.folder, 'a'))
    await bench.take(a)
    const again = await bench.take(a)
    expect(again.items).toMatchObject([
      { status: 'duplicate', problems: [{ code: 'duplicate', message: 'It is in the library already, as "a", and has not changed.' }] },
    ])
    expect(inspections).toBe(1)
  })

  test('with other weights, the new content is another adapter and the old one has lost the place', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'), { seed: 1 })
    const first = await bench.take(a)
    bench.library.adapters.setNotes(first.items[0]?.id ?? '', 'kept')
    makeAdapter(a, { seed: 2 })
    const second = await bench.take(a)
    expect(second.counts.imported).toBe(1)
    const [old, fresh] = rowsOf(bench)
    expect(old).toMatchObject({ id: first.items[0]?.id, status: 'missing', paths: [] })
    expect(codes(old?.problems ?? [])).toEqual(['file-missing'])
    expect(fresh).toMatchObject({ id: second.items[0]?.id, status: 'ok', paths: [a] })
    // The old content comes back: its row does too, with what was written.
    makeAdapter(a, { seed: 1 })
    await bench.take(a)
    expect(bench.library.adapters.get(old?.id ?? '')).toMatchObject({ status: 'ok', paths: [a], notes: 'kept' })
    expect(bench.library.adapters.get(fresh?.id ?? '')).toMatchObject({ status: 'missing' })
  })

  test('a changed config alone is noticed', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    await bench.take(a)
    writeConfig(a, tinyConfig({ alpha: 16 }))
    const report = await bench.take(a)
    expect(report.counts.imported).toBe(1)
    expect(rowsOf(bench).map(({ status, alphas }) => [status, alphas])).toEqual([['missing', [8]], ['ok', [16]]]) // prettier-ignore
  })

  test('a refused one is read again, and its row is repaired in place', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    writeConfig(a, { r: 4 })
    const refused = await bench.take(a)
    expect(refused.items).toMatchObject([{ status: 'refused', problems: [{ code: 'config-invalid' }] }])
    writeConfig(a, tinyConfig())
    const repaired = await bench.take(a)
    expect(repaired.items).toMatchObject([{ status: 'imported', id: refused.items[0]?.id, problems: [] }])
    expect(rowsOf(bench)).toHaveLength(1)
    rmSync(join(a, weights))
    const broken = await bench.take(a)
    expect(broken.items).toMatchObject([{ status: 'refused', problems: [{ code: 'weights-missing' }] }])
  })
})

test('hashes of a file that did not change are remembered beyond its adapter', async () => {
  const bench = openBench()
  const a = makeAdapter(join(bench.folder, 'a'))
  await bench.take(a)
  const { hashes } = bench.library.adapters
  const path = join(a, weights)
  const stamp = stampOf(statSync(path, { bigint: true }))
  const [row] = rowsOf(bench)
  expect(hashes.get(path, stamp)?.tensorHash).toBe(row?.tensorHash)
  expect(hashes.get(path, `${stamp}0`)).toBeNull()
  bench.library.adapters.remove([row?.id ?? ''])
  hashes.put(path, stamp, { weightsSha256: 'remembered', tensorHash: 'remembered' })
  await bench.take(a)
  expect(rowsOf(bench)).toMatchObject([{ tensorHash: 'remembered' }])
})

describe('files that move', () => {
  test('a vanished adapter is missing after a rescan, and found again where it was', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'), { seed: 1 })
    const b = makeAdapter(join(bench.folder, 'b'), { seed: 2 })
    await bench.take(a, b)
    expect(await bench.importer.rescan()).toEqual({ missing: 0, found: 0 })
    renameSync(a, join(bench.folder, 'elsewhere'))
    expect(await bench.importer.rescan()).toEqual({ missing: 1, found: 0 })
    expect(rowsOf(bench).map((row) => [row.name, row.status])).toEqual([['a', 'missing'], ['b', 'ok']]) // prettier-ignore
    expect(rowsOf(bench)[0]?.problems).toMatchObject([{ code: 'file-missing', where: { path: a } }])
    renameSync(join(bench.folder, 'elsewhere'), a)
    expect(await bench.importer.rescan()).toEqual({ missing: 0, found: 1 })
    expect(rowsOf(bench).map((row) => row.status)).toEqual(['ok', 'ok'])
  })

  test('importing it from its new place revives the row', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    const first = await bench.take(a)
    bench.library.adapters.editTags([first.items[0]?.id ?? ''], ['kept'], [])
    const moved = join(bench.folder, 'moved')
    renameSync(a, moved)
    await bench.importer.rescan()
    const report = await bench.take(moved)
    expect(report.items).toMatchObject([{ status: 'duplicate', id: first.items[0]?.id }])
    expect(rowsOf(bench)).toMatchObject([{ status: 'ok', tags: ['kept'], paths: [moved, a] }])
  })

  test('one of two places is enough', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    const b = makeAdapter(join(bench.folder, 'b'))
    await bench.take(a, b)
    rmSync(a, { recursive: true })
    expect(await bench.importer.rescan()).toEqual({ missing: 0, found: 0 })
    expect(rowsOf(bench)).toMatchObject([{ status: 'ok', paths: [b, a] }])
    rmSync(b, { recursive: true })
    expect(await bench.importer.rescan([rowsOf(bench)[0]?.id ?? ''])).toEqual({ missing: 1, found: 0 })
  })

  test('other content at a known place is imported by a rescan', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'), { seed: 1 })
    await bench.take(a)
    makeAdapter(a, { seed: 2 })
    await bench.importer.rescan()
    await bench.importer.finished(bench.importer.lastReport()?.id ?? '')
    expect(rowsOf(bench).map((row) => row.status)).toEqual(['missing', 'ok'])
  })
})

describe('files that change while they are read', () => {
  test('are read again', async () => {
    const folder = temporaryFolder()
    const a = makeAdapter(join(folder, 'a'), { seed: 1 })
    let inspections = 0
    const bench = openBench({
      folder,
      inspect: async (request, signal) => {
        const result = await inspectInTypeScript(request, signal)
        if ((inspections += 1) === 1) makeAdapter(a, { seed: 2, r: 8 })
        return result
      },
    })
    const report = await bench.take(a)
    expect(report.items).toMatchObject([{ status: 'imported' }])
    expect(rowsOf(bench)).toMatchObject([{ status: 'ok', ranks: [8] }])
    expect(inspections).toBe(2)
  })

  test('again and again are refused', async () => {
    const folder = temporaryFolder()
    const a = makeAdapter(join(folder, 'a'))
    let time = 1000
    const bench = openBench({
      folder,
      inspect: async (request, signal) => {
        const result = await inspectInTypeScript(request, signal)
        utimesSync(join(a, weights), (time += 10), time)
        return result
      },
    })
    const report = await bench.take(a)
    expect(report.items).toMatchObject([{ status: 'refused', problems: [{ code: 'file-changed' }] }])
  })
})

test('a rescan looks at every place of a library of several batches', async () => {
  const bench = openBench()
  fillLibrary(bench.library, 200)
  const here = makeAdapter(join(bench.folder, 'here'))
  await bench.take(here)
  const { adapters } = bench.library
  const missing = () => adapters.list(queryOf({ filters: [{ facet: 'status', values: ['missing'] }] })).total
  const ok = () => bench.names({ filters: [{ facet: 'status', values: ['ok'] }] })
  const before = missing()
  const found = await bench.importer.rescan()
  expect(found.found).toBe(0)
  expect(found.missing).toBeGreaterThan(150)
  expect(missing()).toBe(before + found.missing)
  expect(ok()).toEqual(['here'])
  expect(await bench.importer.rescan()).toEqual({ missing: 0, found: 0 })
})
