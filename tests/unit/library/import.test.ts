import { cpSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import type { Inspect } from '../../../src-main/library/inspection.ts'
import { makeAdapter, tinyConfig, writeConfig } from '../../helpers/adapters.ts'
import { inspectInTypeScript } from '../../helpers/inspect.ts'
import { codes, openBench, queryOf, temporaryFolder, type Bench } from './support.ts'

const weights = 'adapter_model.safetensors'
const rowsOf = (bench: Bench) => bench.library.adapters.list(queryOf({ sort: { column: 'added', descending: false } })).rows

/** An inspection that waits until it is let go. */
function heldInspection(): { readonly inspect: Inspect; readonly letGo: () => void; readonly started: Promise<void> } {
  let letGo = () => undefined as void
  let begin = () => undefined as void
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  const started = new Promise<void>((resolve) => (begin = resolve))
  return {
    started,
    letGo: () => letGo(),
    inspect: async (request, signal) => {
      begin()
      await Promise.race([
        gate,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Refusal([errorProblem('cancelled', 'stopped')])))),
      ])
      return inspectInTypeScript(request, signal)
    },
  }
}

describe('listing and checking', () => {
  test('rows are there at once as checking, and ok with norm and hashes once their values are read', async () => {
    const held = heldInspection()
    const bench = openBench({ inspect: held.inspect })
    makeAdapter(join(bench.folder, 'pool/a'))
    const { id, problems } = bench.importer.start([join(bench.folder, 'pool')])
    expect(problems).toEqual([])
    await held.started
    expect(rowsOf(bench)).toMatchObject([
      { name: 'a', status: 'checking', ranks: [4], updateNorm: null, tensorHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    expect(bench.importer.lastReport()).toMatchObject({
      id,
      finishedAt: null,
      counts: { pending: 1, imported: 0 },
      items: [{ status: 'pending' }],
    })
    held.letGo()
    const report = await bench.importer.finished(id ?? '')
    expect(report).toMatchObject({
      finishedAt: expect.any(String),
      counts: { pending: 0, imported: 1 },
      items: [{ status: 'imported', problems: [] }],
    })
    expect(rowsOf(bench)).toMatchObject([{ status: 'ok', contentHash: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    expect(rowsOf(bench)[0]?.updateNorm).toBeGreaterThan(1)
    expect(bench.changed).toContain(report.items[0]?.id)
  })

  test('progress goes through its stages and ends with the counts', async () => {
    const bench = openBench()
    for (let i = 0; i < 5; i++) makeAdapter(join(bench.folder, `pool/a${i}`), { seed: i })
    mkdirSync(join(bench.folder, 'empty'))
    const report = await bench.take(join(bench.folder, 'pool'), join(bench.folder, 'empty'))
    expect([...new Set(bench.progress.map((step) => step.stage))]).toEqual(['scanning', 'listing', 'checking', 'done'])
    expect(bench.progress.at(-1)).toMatchObject({
      id: report.id,
      stage: 'done',
      done: 5,
      total: 5,
      counts: { imported: 5, refused: 1, pending: 0 },
    })
    expect(report.counts).toMatchObject({ imported: 5, refused: 1, byReason: { 'no-adapter-found': 1 } })
  })

  test('a folder without an adapter and a path that is not there are refused items without a row', async () => {
    const bench = openBench()
    mkdirSync(join(bench.folder, 'empty'))
    const report = await bench.take(join(bench.folder, 'empty'), join(bench.folder, 'nowhere'))
    expect(report.items.map(({ id, status, problems }) => [id, status, codes(problems)])).toEqual([
      [null, 'refused', ['no-adapter-found']],
      [null, 'refused', ['folder-unreadable']],
    ])
    expect(rowsOf(bench)).toEqual([])
    expect(bench.importer.start([])).toMatchObject({ id: null, problems: [{ code: 'no-adapter-found' }] })
  })

  test('origin and tags are those of the import', async () => {
    const bench = openBench()
    makeAdapter(join(bench.folder, 'a'))
    await bench.importer.finished(bench.importer.start([join(bench.folder, 'a')], { origin: 'demo', tags: ['demo'] }).id ?? '')
    expect(rowsOf(bench)).toMatchObject([{ origin: 'demo', tags: ['demo'] }])
    expect(bench.names({ text: 'demo' })).toEqual(['a'])
  })

  test('more adapters than fit a batch come in, in the order of names', async () => {
    const bench = openBench()
    for (let i = 0; i < 70; i++)
      makeAdapter(join(bench.folder, `pool/a${String(i).padStart(2, '0')}`), { seed: i, targets: ['q_proj'], layers: 1 })
    const report = await bench.take(join(bench.folder, 'pool'))
    expect(report.counts.imported).toBe(70)
    expect(report.items.map((item) => item.path)).toEqual(report.items.map((item) => item.path).toSorted())
    expect(rowsOf(bench).map((row) => row.name)).toEqual(report.items.map((item) => item.path.split('/').at(-1)))
  })
})

describe('duplicates', () => {
  test('the same content elsewhere becomes another place of the first', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    await bench.take(a)
    cpSync(a, join(bench.folder, 'b'), { recursive: true })
    const report = await bench.take(join(bench.folder, 'b'))
    const [row, ...others] = rowsOf(bench)
    expect(others).toEqual([])
    expect(row?.paths).toEqual([a, join(bench.folder, 'b')])
    expect(report.items).toMatchObject([
      { status: 'duplicate', id: row?.id, problems: [{ code: 'duplicate', message: expect.stringContaining(a) }] },
    ])
  })

  test('of two in one import the first by name stays', async () => {
    const bench = openBench()
    makeAdapter(join(bench.folder, 'pool/b'))
    makeAdapter(join(bench.folder, 'pool/a'))
    const report = await bench.take(join(bench.folder, 'pool'))
    expect(rowsOf(bench).map((row) => row.name)).toEqual(['a'])
    expect(report.items.map((item) => item.status)).toEqual(['imported', 'duplicate'])
    expect(bench.library.adapters.facets().counts.is).toContainEqual({ value: 'duplicate', count: 1 })
  })

  test('a config written in another order is the same; another value is not', async () => {
    const bench = openBench()
    const config = tinyConfig()
    makeAdapter(join(bench.folder, 'a'))
    writeConfig(makeAdapter(join(bench.folder, 'b')), Object.fromEntries(Object.entries(config).reverse()))
    writeConfig(makeAdapter(join(bench.folder, 'c')), { ...config, lora_dropout: 0.1 })
    const report = await bench.take(bench.folder)
    expect(report.items.map((item) => item.status)).toEqual(['imported', 'duplicate', 'imported'])
    expect(codes(report.items[2]?.problems ?? [])).toEqual(['same-weights'])
  })

  test('a copy of a refused adapter is refused too, with the same row', async () => {
    const bench = openBench()
    const nan = (name: string) =>
      makeAdapter(join(bench.folder, name), {
        edit: (tensors) =>
          new Map(
            [...tensors].map(([key, tensor], i) => [
              key,
              i === 3 ? { ...tensor, data: Float32Array.from(tensor.data).fill(Infinity, 2) } : tensor,
            ]),
          ),
      })
    const report = await bench.take(nan('a'), nan('b'))
    expect(rowsOf(bench)).toHaveLength(1)
    expect(report.items.map(({ status, problems }) => [status, codes(problems)])).toEqual([
      ['refused', ['not-finite']],
      ['refused', ['not-finite']],
    ])
    expect(report.items[0]?.problems[0]?.where).toMatchObject({ value: 'infinity at index 2' })
  })

  test('a link to a folder is the folder', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    await bench.take(a)
    symlinkSync(a, join(bench.folder, 'link'))
    const report = await bench.take(join(bench.folder, 'link'))
    expect(report.items).toMatchObject([{ path: a, status: 'duplicate' }])
    expect(rowsOf(bench)[0]?.paths).toEqual([a])
  })
})

describe('checks that do not come to an end', () => {
  test('a refusal of the core refuses the adapter with path and tensor', async () => {
    const bench = openBench({
      inspect: () => Promise.reject(new Refusal([errorProblem('header-duplicate-key', 'twice', { where: { tensor: 't' } })])),
    })
    const a = makeAdapter(join(bench.folder, 'a'))
    const report = await bench.take(a)
    expect(report.items).toMatchObject([
      { status: 'refused', problems: [{ code: 'header-duplicate-key', where: { path: join(a, weights), tensor: 't' } }] },
    ])
  })

  test.each([
    ['a core that is not built', () => Promise.reject(new Refusal([errorProblem('native-not-built', 'no compiler')])), 'native-not-built'],
    ['an unexpected error', () => Promise.reject(new Error('boom')), 'internal'],
  ])('%s leaves the row to be checked later, and says so', async (_, inspect, code) => {
    const bench = openBench({ inspect })
    makeAdapter(join(bench.folder, 'a'))
    const report = await bench.take(join(bench.folder, 'a'))
    expect(report).toMatchObject({
      finishedAt: expect.any(String),
      counts: { pending: 1 },
      items: [{ status: 'pending', problems: [{ code }] }],
    })
    expect(rowsOf(bench)).toMatchObject([{ status: 'checking' }])
  })

  test('stopping keeps what is listed, and importing again checks it', async () => {
    const held = heldInspection()
    let inspect: Inspect = held.inspect
    const bench = openBench({ inspect: (request, signal) => inspect(request, signal) })
    for (const name of ['a', 'b', 'c']) makeAdapter(join(bench.folder, 'pool', name), { seed: name.charCodeAt(0) })
    const { id } = bench.importer.start([join(bench.folder, 'pool')])
    await held.started
    expect(bench.importer.stop(id ?? '')).toEqual([])
    const report = await bench.importer.finished(id ?? '')
    expect(report.counts).toMatchObject({ pending: 3, imported: 0 })
    expect(rowsOf(bench).map((row) => row.status)).toEqual(['checking', 'checking', 'checking'])
    inspect = inspectInTypeScript
    const again = await bench.take(join(bench.folder, 'pool'))
    expect(again.counts).toMatchObject({ pending: 0, imported: 3 })
    expect(rowsOf(bench).map((row) => row.status)).toEqual(['ok', 'ok', 'ok'])
  })

  test('checks left by a process that ended are taken up, and its report is ended', async () => {
    const folder = temporaryFolder()
    const held = heldInspection()
    const before = openBench({ folder, inspect: held.inspect })
    for (const name of ['a', 'b']) makeAdapter(join(folder, 'pool', name), { seed: name.charCodeAt(0) })
    const { id } = before.importer.start([join(folder, 'pool')])
    await held.started
    // A second process opens the same library while the first one never comes back.
    const after = openBench({ folder })
    expect(after.importer.lastReport()).toMatchObject({ id, finishedAt: null })
    after.importer.resumeChecks()
    await expect.poll(() => rowsOf(after).map((row) => row.status), { timeout: 20_000 }).toEqual(['ok', 'ok'])
    await expect
      .poll(() => after.importer.lastReport(), { timeout: 20_000 })
      .toMatchObject({ id, finishedAt: expect.any(String), counts: { imported: 2, pending: 0 } })
    held.letGo()
  })

  test('an adapter removed while it is checked is gone', async () => {
    const held = heldInspection()
    const bench = openBench({ inspect: held.inspect })
    makeAdapter(join(bench.folder, 'a'))
    const { id } = bench.importer.start([join(bench.folder, 'a')])
    await held.started
    bench.library.adapters.remove(bench.library.adapters.ids(queryOf({})))
    held.letGo()
    const report = await bench.importer.finished(id ?? '')
    expect(report.items).toMatchObject([{ id: null, status: 'refused' }])
    expect(rowsOf(bench)).toEqual([])
  })
})

describe('importing one folder of the app itself', () => {
  test('a duplicate keeps the existing name and answers with its id', async () => {
    const bench = openBench()
    const a = makeAdapter(join(bench.folder, 'a'))
    await bench.take(a)
    const b = makeAdapter(join(bench.folder, 'outputs/b'))
    const item = await bench.importer.importFolder(b, { origin: 'merged', name: 'b' })
    expect(item).toMatchObject({ status: 'duplicate', id: rowsOf(bench)[0]?.id })
    expect(rowsOf(bench)).toMatchObject([{ name: 'a', origin: 'imported' }])
    // The outputs folder dropped on the window: nothing comes in twice.
    expect((await bench.take(join(bench.folder, 'outputs'))).counts).toMatchObject({ imported: 0, duplicate: 1 })
  })

  test('does not wait for an import that is being checked', async () => {
    const held = heldInspection()
    const bench = openBench({
      inspect: (request, signal) =>
        request.weightsFile.includes('/pool/') ? held.inspect(request, signal) : inspectInTypeScript(request, signal),
    })
    makeAdapter(join(bench.folder, 'pool/a'), { seed: 1 })
    const { id } = bench.importer.start([join(bench.folder, 'pool')])
    await held.started
    const item = await bench.importer.importFolder(makeAdapter(join(bench.folder, 'out'), { seed: 2 }), { origin: 'merged' })
    expect(item.status).toBe('imported')
    held.letGo()
    await bench.importer.finished(id ?? '')
  })

  test('what is not there, or broken, is refused', async () => {
    const bench = openBench()
    expect(await bench.importer.importFolder(join(bench.folder, 'none'), { origin: 'merged' })).toMatchObject({
      id: null,
      status: 'refused',
      problems: [{ code: 'folder-unreadable' }],
    })
    const broken = makeAdapter(join(bench.folder, 'broken'))
    writeFileSync(join(broken, weights), 'x')
    expect(await bench.importer.importFolder(broken, { origin: 'merged' })).toMatchObject({
      status: 'refused',
      problems: [{ code: 'file-too-small' }],
    })
  })
})

test('files are never written to', async () => {
  const bench = openBench()
  const a = makeAdapter(join(bench.folder, 'a'))
  const before = [weights, 'adapter_config.json'].map((name) => statSync(join(a, name), { bigint: true }))
  await bench.take(a)
  await bench.importer.rescan()
  bench.library.adapters.remove(bench.library.adapters.ids(queryOf({})))
  const after = [weights, 'adapter_config.json'].map((name) => statSync(join(a, name), { bigint: true }))
  expect(after.map(({ mtimeNs, size, ino }) => [mtimeNs, size, ino])).toEqual(before.map(({ mtimeNs, size, ino }) => [mtimeNs, size, ino]))
})

test('only the last twenty reports are kept, and each can be opened by its id', async () => {
  const bench = openBench()
  const a = makeAdapter(join(bench.folder, 'a'))
  const ids: string[] = []
  for (let i = 0; i < 22; i++) ids.push((await bench.take(a)).id)
  expect(bench.importer.lastReport()?.id).toBe(ids.at(-1))
  expect((await bench.importer.finished(ids[2] ?? '')).id).toBe(ids[2])
  await expect(bench.importer.finished(ids[1] ?? '')).rejects.toThrow('there is no import')
})
