import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { RequestInput, RequestName, RequestOutput } from '../../../src-main/contract/bridge.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { createPathAccess } from '../../../src-main/host/path-access.ts'
import { createApp, type App } from '../../../src-main/ipc/app.ts'
import type { HostPort } from '../../../src-main/ipc/host-port.ts'
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
  readonly revealed: string[]
  readonly heard: [string, unknown][]
  /** The value of a request; throws its problems. */
  ask<K extends RequestName>(name: K, input: RequestInput<K>): Promise<RequestOutput<K>>
  /** The problems for which a request is refused. */
  refusal(name: RequestName, input: unknown): Promise<readonly Problem[]>
  imported(paths: readonly string[]): Promise<void>
}

/** The whole app in a fresh folder, with `pool` as the only registered root beside the library. */
function open(port: Partial<HostPort> = {}, resources?: string): Opened {
  const folder = mkdtempSync(join(tmpdir(), 'amalgam-app-'))
  const paths = appPaths({ libraryFolder: join(folder, 'library'), resources: resources ?? join(folder, 'resources'), renderer: folder })
  mkdirSync(join(folder, 'pool'))
  const revealed: string[] = []
  const heard: [string, unknown][] = []
  const app = createApp({
    kind: 'electron',
    version: '1.2.3',
    paths,
    access: createPathAccess([paths.library, join(folder, 'pool')]),
    log: silentLog,
    clock: () => new Date(),
    canPick: true,
    pickFolder: async () => null,
    pickFile: async () => null,
    pickAdapters: async () => [],
    reveal: async (path) => void revealed.push(path),
    preventSleep: () => () => undefined,
    ...port,
  })
  opened.push(app)
  app.onEvent((name, payload) => heard.push([name, payload]))
  const ask: Opened['ask'] = async (name, input) => {
    const reply = await app.dispatch(name, input)
    if (!reply.ok) throw new Error(JSON.stringify(reply.problems))
    return reply.value as RequestOutput<typeof name>
  }
  return {
    app,
    folder,
    revealed,
    heard,
    ask,
    async refusal(name, input) {
      const reply = await app.dispatch(name, input)
      return reply.ok ? [] : reply.problems
    },
    async imported(given) {
      const { id } = await ask('library.import', { paths: [...given] })
      await app.services.importer.finished(id ?? '')
    },
  }
}

test('the app says what it is', async () => {
  const { ask, folder } = open()
  expect(await ask('app.info', {})).toMatchObject({
    version: '1.2.3',
    host: 'electron',
    libraryFolder: join(folder, 'library'),
    outputFolder: join(folder, 'library/outputs'),
    canPick: true,
    demoAvailable: false,
    device: { device: 'CPU' },
  })
})

test('only registered, chosen or known paths may be imported, exported to and revealed', async () => {
  const { app, ask, refusal, folder, revealed, imported } = open()
  const inside = makeAdapter(join(folder, 'pool/inside'), { seed: 1 })
  const outside = makeAdapter(join(folder, 'elsewhere/outside'), { seed: 2 })
  const notAllowed = [expect.objectContaining({ code: 'path-not-allowed' })]

  expect(await refusal('library.import', { paths: [inside, outside] })).toEqual([expect.objectContaining({ where: { path: outside } })])
  expect(await refusal('library.import', { paths: [join(folder, 'pool/../elsewhere')] })).toEqual(notAllowed)
  await imported([inside])
  const { rows } = await ask('library.list', {})
  expect(rows.map(({ name, status }) => [name, status])).toEqual([['inside', 'ok']])
  const id = rows[0]?.id ?? ''

  expect(await refusal('export.start', { id, profile: 'peft', folder: join(folder, 'elsewhere') })).toEqual(notAllowed)
  expect(await refusal('app.reveal', { path: outside })).toEqual(notAllowed)
  await ask('app.reveal', { path: inside })
  // A place of a known adapter may be named wherever it lies.
  await app.services.importer.finished(app.services.importer.start([outside]).id ?? '')
  await ask('app.reveal', { path: outside })
  expect(revealed).toEqual([inside, outside])

  expect(await refusal('settings.set', { settings: { outputFolder: join(folder, 'elsewhere') } })).toEqual(notAllowed)
  await ask('settings.set', { settings: { outputFolder: join(folder, 'pool') } })
  expect((await ask('app.info', {})).outputFolder).toBe(join(folder, 'pool'))
})

test('settings change one by one, are told to every window, and stay', async () => {
  const { ask, heard, app } = open()
  expect(await ask('settings.set', { settings: { appearance: 'dark' } })).toMatchObject({ appearance: 'dark', threads: 0 })
  expect(await ask('settings.set', { settings: { threads: 2 } })).toMatchObject({ appearance: 'dark', threads: 2 })
  await app.close()
  expect(heard.filter(([name]) => name === 'settings.changed').map(([, value]) => value)).toMatchObject([
    { appearance: 'dark' },
    { threads: 2 },
  ])
})

test('what is picked in a dialog is imported; a closed dialog does nothing', async () => {
  const picked: string[] = []
  const { ask, folder, app } = open({ pickAdapters: async () => picked })
  expect(await ask('library.pickAndImport', {})).toEqual({ id: null, problems: [] })
  picked.push(makeAdapter(join(folder, 'elsewhere/picked')))
  const { id } = await ask('library.pickAndImport', {})
  expect((await app.services.importer.finished(id ?? '')).counts).toMatchObject({ imported: 1 })
})

test('edits answer with problems for unknown adapters and tell which rows changed', async () => {
  const { ask, folder, imported, heard, app } = open()
  await imported([makeAdapter(join(folder, 'pool/one'))])
  const { rows } = await ask('library.list', {})
  const id = rows[0]?.id ?? ''
  expect(await ask('library.setName', { id, name: '  new name ' })).toEqual({ problems: [] })
  expect(await ask('library.editTags', { ids: [id], add: ['x'], remove: [] })).toEqual({ problems: [] })
  expect(await ask('library.get', { id })).toMatchObject({ name: 'new name', tags: ['x'] })
  expect(await ask('library.setNotes', { id: 'none', notes: '' })).toMatchObject({ problems: [{ code: 'adapter-unknown' }] })
  heard.length = 0
  expect(await ask('library.remove', { ids: [id] })).toEqual({ problems: [] })
  await app.close()
  expect(heard.flatMap(([name, payload]) => (name === 'library.changed' ? (payload as { ids: string[] }).ids : []))).toContain(id)
})

test('a merge runs from a draft to an adapter, with its events', async () => {
  const { ask, folder, imported, heard, app } = open()
  await imported([makeAdapter(join(folder, 'pool/one'), { seed: 1 }), makeAdapter(join(folder, 'pool/two'), { seed: 2 })])
  const ids = await ask('library.ids', {})
  const recipe = { method: 'linear', adapters: ids.map((adapter) => ({ adapter, coefficient: 0.5 })), output: { name: 'both' } }
  expect((await ask('merge.preview', { recipe })).estimate).toMatchObject({ rank: 4, rankSum: 8, exact: true })
  const { yaml } = await ask('merge.recipeText', { recipe })
  expect(yaml).toContain('# one')
  expect((await ask('merge.readRecipe', { text: yaml })).recipe).toMatchObject({ method: 'linear', output: { name: 'both' } })
  const { jobId } = await ask('merge.start', { recipe })
  const job = await app.services.queue.whenEnded(jobId ?? '')
  expect(job).toMatchObject({ state: 'done', problems: [] })
  expect(await ask('library.get', { id: job.resultAdapterId ?? '' })).toMatchObject({ name: 'both', origin: 'merged', status: 'ok' })
  expect((await ask('jobs.get', { id: job.id }))?.provenance).toMatchObject({ appVersion: '1.2.3' })
  const states = () => heard.flatMap(([name, payload]) => (name === 'job.changed' ? [(payload as { state: string }).state] : []))
  await expect.poll(() => states().at(-1)).toBe('done')
  expect(await ask('jobs.remove', { id: job.id })).toEqual({ problems: [] })
  expect(await ask('jobs.list', {})).toEqual([])
  await app.close()
  expect(heard.map(([name]) => name)).toContain('job.removed')
})

test('the demo pool fills an empty library once', async () => {
  const resources = mkdtempSync(join(tmpdir(), 'amalgam-resources-'))
  makeAdapter(join(resources, 'demo/adapters/demo-one'))
  const { app, ask } = open({}, resources)
  expect((await ask('app.info', {})).demoAvailable).toBe(true)
  app.importDemoIfEmpty()
  const first = await ask('library.lastImport', {})
  await app.services.importer.finished(first?.id ?? '')
  expect((await ask('library.list', {})).rows).toMatchObject([{ name: 'demo-one', origin: 'demo', tags: ['demo'] }])
  app.importDemoIfEmpty()
  expect((await ask('library.lastImport', {}))?.id).toBe(first?.id)
})

test('the licences of what ships are there to read', async () => {
  const resources = mkdtempSync(join(tmpdir(), 'amalgam-resources-'))
  mkdirSync(join(resources, 'licenses'))
  writeFileSync(join(resources, 'licenses/THIRD-PARTY.txt'), 'licences')
  expect(await open({}, resources).ask('app.licences', {})).toBe('licences')
})
