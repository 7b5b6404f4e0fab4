import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { RequestInput, RequestName, RequestOutput } from '../../../src-main/contract/bridge.ts'
import type { LibraryQuery } from '../../../src-main/contract/library-query.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createPathAccess } from '../../../src-main/host/path-access.ts'
import { createApp, type App } from '../../../src-main/ipc/app.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { appPaths } from '../../../src-main/platform/paths.ts'
import { makeAdapter } from '../../helpers/adapters.ts'

const opened: App[] = []
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close()
})

interface Opened {
  readonly app: App
  readonly folder: string
  readonly heard: string[]
  ask<K extends RequestName>(name: K, input: RequestInput<K>): Promise<RequestOutput<K>>
  refusal(name: RequestName, input: unknown): Promise<readonly Problem[]>
  /** Imports two adapters into pool/ and answers with their ids. */
  fill(): Promise<[string, string]>
}

function open(folder = mkdtempSync(join(tmpdir(), 'amalgam-tools-'))): Opened {
  const paths = appPaths({ libraryFolder: join(folder, 'library'), resources: join(folder, 'resources'), renderer: folder })
  mkdirSync(join(folder, 'pool'), { recursive: true })
  const app = createApp({
    ...{ kind: 'web', version: '1', paths, access: createPathAccess([join(folder, 'pool')]), log: silentLog, clock: () => new Date() },
    ...{ canPick: false, pickFolder: async () => null, pickFile: async () => null },
    ...{ pickAdapters: async () => [], reveal: async () => undefined },
    preventSleep: () => () => undefined,
  })
  opened.push(app)
  const heard: string[] = []
  app.onEvent((name) => heard.push(name))
  const ask: Opened['ask'] = async (name, input) => {
    const reply = await app.dispatch(name, input)
    if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
    return reply.value as RequestOutput<typeof name>
  }
  return {
    ...{ app, folder, heard, ask },
    async refusal(name, input) {
      const reply = await app.dispatch(name, input)
      return reply.ok ? [] : reply.problems
    },
    async fill() {
      makeAdapter(join(folder, 'pool/one'), { seed: 1 })
      makeAdapter(join(folder, 'pool/two'), { seed: 2 })
      await app.services.importer.finished((await ask('library.import', { paths: [join(folder, 'pool')] })).id ?? '')
      return (await ask('library.ids', {})) as [string, string]
    },
  }
}

test('collections, tags and taking back, with their events', async () => {
  const { ask, fill, heard, refusal } = open()
  const [one, two] = await fill()
  const { id } = await ask('collections.create', { name: '  News ' })
  expect(await ask('collections.list', {})).toEqual([{ id, name: 'News', count: 0 }])
  expect(await refusal('collections.create', { name: '   ' })).toMatchObject([{ code: 'request-invalid' }])
  heard.length = 0
  expect(await ask('collections.edit', { ids: [one, two], add: [id!], remove: [] })).toEqual({ problems: [] })
  await expect.poll(() => heard).toEqual(expect.arrayContaining(['library.changed', 'library.toolsChanged']))
  expect((await ask('library.list', { filters: [{ facet: 'collection', values: [id!] }] })).rows.map((row) => row.collections)).toEqual([['News'], ['News']]) // prettier-ignore
  await ask('library.editTags', { ids: [one], add: ['tag'], remove: [] })
  expect(await ask('library.undoable', {})).toMatchObject({ label: 'Tags of 1 adapter' })
  expect(await ask('library.undo', {})).toEqual({ undone: 'Tags of 1 adapter', problems: [] })
  expect(await ask('library.undo', {})).toEqual({ undone: 'Collections of 2 adapters', problems: [] })
  expect(await ask('library.undo', {})).toEqual({ undone: null, problems: [] })
  expect(await ask('library.undoable', {})).toBeNull()
  expect(await ask('collections.rename', { id: id!, name: 'Other' })).toEqual({ problems: [] })
  expect(await ask('collections.remove', { id: id! })).toEqual({ problems: [] })
  expect(await ask('collections.remove', { id: id! })).toMatchObject({ problems: [{ code: 'collection-unknown' }] })
})

test('views keep a query and its columns', async () => {
  const { ask } = open()
  const query: LibraryQuery = {
    ...{ text: 'x', filters: [{ facet: 'is', mode: 'none', values: ['favourite'] }], sort: { column: 'norm', descending: true } },
    ...{ offset: 0, limit: 200 },
  }
  const { id } = await ask('views.save', { id: null, name: 'Mine', query, columns: ['name'] })
  expect(await ask('views.list', {})).toEqual([{ id, name: 'Mine', query, columns: ['name'] }])
  expect(await ask('views.remove', { id: id! })).toEqual({ problems: [] })
})

test('moved files are found again, in permitted folders only', async () => {
  const { app, ask, fill, folder, refusal } = open()
  const [one] = await fill()
  mkdirSync(join(folder, 'pool/moved'))
  renameSync(join(folder, 'pool/one'), join(folder, 'pool/moved/one'))
  expect(await ask('library.rescan', {})).toEqual({ missing: 1, found: 0 })
  expect(await refusal('library.relink', { paths: [folder] })).toMatchObject([{ code: 'path-not-allowed' }])
  const { id } = await ask('library.relink', { paths: [join(folder, 'pool')] })
  expect((await app.services.importer.finished(id ?? '')).items).toMatchObject([{ id: one, status: 'duplicate' }])
  expect(await ask('library.lastImport', {})).toMatchObject({ id, counts: { imported: 0, duplicate: 1 } })
  expect(await ask('library.get', { id: one })).toMatchObject({ status: 'ok' })
})

test('metadata is written beside nothing that is there, under safe names', async () => {
  const { ask, fill, folder, refusal } = open()
  const [one, two] = await fill()
  await ask('library.setName', { id: one, name: '../up: <b>?*|\\' })
  await ask('library.setName', { id: two, name: 'con' })
  await ask('library.setNotes', { id: one, notes: 'a note' })
  await ask('library.setFavourite', { ids: [one], favourite: true })
  await ask('library.editTags', { ids: [one], add: ['b', 'a'], remove: [] })
  const target = join(folder, 'pool/out')
  mkdirSync(target)
  writeFileSync(join(target, '_up_ _b_.amalgam.json'), 'mine')
  const first = await ask('library.exportMetadata', { ids: [one, two, 'nobody'], folder: target })
  expect(first.problems).toMatchObject([{ code: 'adapter-unknown' }])
  expect(first.paths.map((path) => path.slice(target.length + 1))).toEqual(['_up_ _b_ 2.amalgam.json', 'con_.amalgam.json'])
  const again = await ask('library.exportMetadata', { ids: [one], folder: target })
  expect(again.paths).toEqual([join(target, '_up_ _b_ 3.amalgam.json')])
  expect(readdirSync(target).sort()).toEqual(['_up_ _b_ 2.amalgam.json', '_up_ _b_ 3.amalgam.json', '_up_ _b_.amalgam.json', 'con_.amalgam.json']) // prettier-ignore
  expect(readFileSync(join(target, '_up_ _b_.amalgam.json'), 'utf8')).toBe('mine')
  const row = await ask('library.get', { id: one })
  expect(JSON.parse(readFileSync(first.paths[0] ?? '', 'utf8'))).toEqual({
    ...{ amalgam: 'adapter', schema: 1, name: '../up: <b>?*|\\', tags: ['a', 'b'], collections: [], notes: 'a note', favourite: true },
    ...{ contentHash: row?.contentHash, tensorHash: row?.tensorHash, lineage: null, problems: [], addedAt: row?.addedAt },
  })
  expect(await refusal('library.exportMetadata', { ids: [one], folder })).toMatchObject([{ code: 'path-not-allowed' }])
  writeFileSync(join(folder, 'pool/file'), '')
  expect(await ask('library.exportMetadata', { ids: [one], folder: join(folder, 'pool/file') })).toMatchObject({
    paths: [],
    problems: [{ code: 'write-failed' }],
  })
})

test('watched folders are a setting: permitted ones alone, from now on and after a start', async () => {
  const bench = open()
  const pool = join(bench.folder, 'pool')
  expect(await bench.ask('library.watching', {})).toEqual({ folders: [], problems: [] })
  expect(await bench.refusal('settings.set', { settings: { watchedFolders: [bench.folder] } })).toMatchObject([{ code: 'path-not-allowed' }]) // prettier-ignore
  await bench.ask('settings.set', { settings: { watchedFolders: [pool] } })
  await expect.poll(() => bench.ask('library.watching', {})).toEqual({ folders: [pool], problems: [] })
  await opened.pop()?.close()
  const again = open(bench.folder)
  await expect.poll(() => again.ask('library.watching', {})).toEqual({ folders: [pool], problems: [] })
  makeAdapter(join(pool, 'appears'), { seed: 9 })
  await expect.poll(async () => (await again.ask('library.list', {})).rows.map((row) => row.name), { timeout: 20_000 }).toEqual(['appears'])
  await again.ask('settings.set', { settings: { watchedFolders: [] } })
  await expect.poll(() => again.ask('library.watching', {})).toEqual({ folders: [], problems: [] })
}, 40_000)
