import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { makeAdapter } from '../../helpers/adapters.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const folder = scratch()
const library = join(folder, 'library')
const inLibrary = ['--library', library, '--json']

interface Adapter {
  readonly id: string
  readonly name: string
  readonly paths: readonly string[]
  readonly status: string
  readonly tags: readonly string[]
  readonly lineage: unknown
}
interface Report {
  readonly counts: unknown
  readonly items: readonly { readonly path: string; readonly id: string | null; readonly status: string; readonly problems: unknown[] }[]
}

beforeAll(async () => {
  makeAdapter(join(folder, 'pool/plain-r4'), { seed: 1 })
  makeAdapter(join(folder, 'pool/queries-r2'), { seed: 2, r: 2, targets: ['q_proj', 'v_proj'] })
  makeAdapter(join(folder, 'pool/zz-copy'), { seed: 1 })
  makeAdapter(join(folder, 'pool/broken'), { seed: 3, r: 4, config: { r: 8 } })
  mkdirSync(join(folder, 'empty'))
  const { code, json } = await runCli(['import', join(folder, 'pool'), '--tag', 'mine', ...inLibrary])
  expect(code).toBe(1)
  const report = json<Report>()
  expect(Object.keys(report)).toEqual(['counts', 'items'])
  expect(report.counts).toMatchObject({ imported: 2, duplicate: 1, refused: 1, pending: 0, byReason: { 'rank-mismatch': 1 } })
  expect(report.items.map(({ path, status }) => [path.split('/').at(-1), status]).sort()).toEqual([
    ['broken', 'refused'],
    ['plain-r4', 'imported'],
    ['queries-r2', 'imported'],
    ['zz-copy', 'duplicate'],
  ])
  const idOf = (name: string) => report.items.find(({ path }) => path.endsWith(name))?.id
  expect(idOf('zz-copy')).toBe(idOf('plain-r4'))
})

test('importing again finds duplicates and nothing to refuse', async () => {
  const { code, json } = await runCli(['import', 'plain-r4', ...inLibrary], { cwd: join(folder, 'pool') })
  expect(code).toBe(0)
  expect(json<Report>().counts).toMatchObject({ imported: 0, duplicate: 1, refused: 0 })
})

test('a folder without an adapter is refused by name', async () => {
  const { code, json } = await runCli(['import', join(folder, 'empty'), ...inLibrary])
  expect(code).toBe(1)
  expect(json<Report>().items).toMatchObject([{ id: null, status: 'refused', problems: [{ code: 'no-adapter-found' }] }])
})

test('ls lists and filters', async () => {
  const list = async (...words: string[]): Promise<Adapter[]> => (await runCli(['ls', ...words, ...inLibrary])).json<Adapter[]>()
  const ok = await list('--status', 'ok')
  expect(ok.map(({ name }) => name).sort()).toEqual(['plain-r4', 'queries-r2'])
  expect(ok[0]).toMatchObject({ status: 'ok', tags: ['mine'], lineage: null })
  expect((await list('--text', 'queries')).map(({ name }) => name)).toEqual(['queries-r2'])
  expect(await list('--tag', 'other')).toEqual([])
  const table = await runCli(['ls', '--status', 'ok', '--library', library])
  expect(table.out.split('\n')[0]).toMatch(/^NAME +RANK +MODULES/)
  expect(table.out).toContain('q_proj,v_proj')
})

test('show finds by name, by path and by id, and suggests', async () => {
  const show = (reference: string) => runCli(['show', reference, ...inLibrary])
  const byName = (await show('queries-r2')).json<Adapter>()
  expect(byName).toMatchObject({ name: 'queries-r2', ranks: [2], targetModules: ['q_proj', 'v_proj'], lineage: null, problems: [] })
  expect((await show(byName.id)).json<Adapter>().id).toBe(byName.id)
  expect((await show(byName.paths[0] ?? '')).json<Adapter>().id).toBe(byName.id)
  const unknown = await show('querys-r2')
  expect(unknown.code).toBe(1)
  expect(unknown.json()).toMatchObject({ problems: [{ code: 'adapter-unknown' }] })
  expect(unknown.out).toContain('queries-r2')
})

test('check reads one adapter and leaves the library as it is', async () => {
  const fresh = makeAdapter(join(folder, 'fresh'), { seed: 9 })
  const { code, json } = await runCli(['check', fresh, ...inLibrary])
  expect(code).toBe(0)
  expect(json<Adapter>()).toMatchObject({ name: 'fresh', status: 'ok', paths: [fresh] })
  expect((await runCli(['ls', '--text', 'fresh', ...inLibrary])).json()).toEqual([])
})

test('check refuses what import refuses', async () => {
  const { code, json } = await runCli(['check', join(folder, 'pool/broken'), '--json'])
  expect(code).toBe(1)
  expect(json()).toMatchObject({
    status: 'refused',
    problems: expect.arrayContaining([expect.objectContaining({ code: 'rank-mismatch' })]) as unknown,
  })
  const words = await runCli(['check', join(folder, 'pool/broken')])
  expect(words.err).toContain('error: Rank of file and config differ (rank-mismatch)')
})

test('export copies what PEFT loads, and never overwrites', async () => {
  const out = join(folder, 'exported')
  const { code, json } = await runCli(['export', 'plain-r4', '--out', out, ...inLibrary])
  expect([code, json()]).toMatchObject([0, { path: out, profile: 'peft', rank: 4, problems: [] }])
  expect(readdirSync(out).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  expect((await runCli(['check', out, '--json'])).code).toBe(0)
  const again = await runCli(['export', 'plain-r4', '--out', out, ...inLibrary])
  expect(again.code).toBe(1)
  expect(again.json()).toMatchObject({ path: null, problems: [{ code: 'output-exists' }] })
})

test('a library that is none is refused without a stack', async () => {
  const broken = join(folder, 'broken-library')
  mkdirSync(broken)
  writeFileSync(join(broken, 'library.sqlite'), 'this is not a database, but it is long enough to be read as one'.repeat(100))
  const { code, json, err } = await runCli(['ls', '--library', broken, '--json'])
  expect(code).toBe(1)
  expect(json()).toMatchObject({ problems: [{ code: 'library-corrupt', hint: expect.stringContaining('amalgam restore-backup') }] })
  expect(err).toBe('')
  const nowhere = await runCli(['ls', '--library', join(broken, 'library.sqlite/below-a-file'), '--json'])
  expect(nowhere.code).toBe(1)
  expect(nowhere.json()).toMatchObject({ problems: [{ code: 'library-unreadable' }] })
})

test('a reader that stops early is no error', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../src-main/cli.ts'), 'methods', '--json'])
  child.stdout.destroy()
  let err = ''
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect([code, err]).toEqual([0, ''])
})
