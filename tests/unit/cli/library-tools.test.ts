import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { makeAdapter } from '../../helpers/adapters.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library'), '--json']
const cli = (...words: string[]) => runCli([...words, ...inLibrary])

interface Adapter {
  readonly id: string
  readonly name: string
  readonly collections: readonly string[]
  readonly effectiveRank: number | null
}
const list = async (...words: string[]) => (await cli('ls', ...words)).json<Adapter[]>()
const names = async (...words: string[]) => (await list(...words)).map(({ name }) => name)

beforeAll(async () => {
  makeAdapter(join(folder, 'pool/news-r4'), { seed: 1 })
  makeAdapter(join(folder, 'pool/quiz-r2'), { seed: 2, r: 2, targets: ['q_proj', 'v_proj'] })
  makeAdapter(join(folder, 'pool/mixed'), { seed: 3, r: 4, ranks: { q_proj: 2 }, config: { rank_pattern: { q_proj: 2 } } })
  expect((await cli('import', join(folder, 'pool'), '--tag', 'all', '--tag', 'Both')).code).toBe(0)
})

test('ls filters by any facet: at least one, every one, none of the values', async () => {
  expect(await names('--filter', 'rank=2', '--filter', 'rank=16')).toEqual(['mixed', 'quiz-r2'])
  expect(await names('--all', 'rank=2', '--all', 'rank=4')).toEqual(['mixed'])
  expect(await names('--none', 'rank:4')).toEqual(['quiz-r2'])
  expect(await names('--filter', 'TARGETMODULE=down_proj', '--none', 'failsScreen=no-patterns')).toEqual(['news-r4'])
  expect(await names('--all', 'tag=ALL', '--all', 'tag=both', '--filter', 'licence=', '--text', 'r2')).toEqual(['quiz-r2'])
  expect(await names('--tag', 'all', '--status', 'ok', '--filter', 'collection=')).toEqual(['mixed', 'news-r4', 'quiz-r2'])
  const [one] = await list('--text', 'news')
  expect(one).toMatchObject({ collections: [] })
  expect(one).toHaveProperty('effectiveRank')
})

test.each([
  ['--filter', 'rnk=2', 'Did you mean "rank"?'],
  ['--none', 'status=misssing', '"misssing" is no value of status. Did you mean "missing"?'],
  ['--all', 'rank', 'takes FACET=VALUE'],
])('ls %s %s is wrong use', async (option, value, words) => {
  const { code, json } = await cli('ls', option, value)
  expect(code).toBe(2)
  const { problems } = json<{ problems: { code: string; message: string }[] }>()
  expect(problems).toMatchObject([{ code: 'request-invalid', message: expect.stringContaining(words) }])
})

test('collections are made, filled, renamed and removed, and an edit is taken back', async () => {
  expect((await cli('collections', 'create', 'Short answers')).json()).toMatchObject({ collections: [{ name: 'Short answers', count: 0 }], problems: [] }) // prettier-ignore
  const taken = await cli('collections', 'create', 'SHORT ANSWERS')
  expect([taken.code, taken.json()]).toMatchObject([1, { problems: [{ code: 'name-taken' }] }])
  expect((await cli('collections', 'add', 'short answers', 'news-r4', 'mixed')).json()).toMatchObject({ collections: [{ count: 2 }] })
  expect(await names('--filter', 'collection=Short answers')).toEqual(['mixed', 'news-r4'])
  expect((await cli('collections', 'take', 'short answers', 'mixed', 'nobody')).json()).toMatchObject({
    collections: [{ count: 1 }],
    problems: [{ code: 'adapter-unknown' }],
  })
  expect((await cli('undo')).json()).toEqual({ undone: 'Collections of 1 adapter' })
  expect(await names('--none', 'collection=Short answers')).toEqual(['quiz-r2'])
  expect((await cli('collections', 'rename', 'Short answers', 'Mine')).code).toBe(0)
  expect((await cli('collections')).json()).toMatchObject([{ name: 'Mine', count: 2 }])
  expect((await cli('ls', '--filter', 'collection=Short answers')).json()).toMatchObject({ problems: [{ code: 'collection-unknown', allowed: ['Mine'] }] }) // prettier-ignore
  expect((await cli('collections', 'remove', 'mine')).json()).toMatchObject({ collections: [] })
  expect((await cli('collections', 'empty')).code).toBe(2)
  expect((await cli('collections', 'rename', 'x')).code).toBe(2)
})

test('relink finds what moved', async () => {
  mkdirSync(join(folder, 'moved'))
  renameSync(join(folder, 'pool/quiz-r2'), join(folder, 'moved/elsewhere'))
  const [quiz] = await list('--text', 'quiz')
  const { code, json } = await cli('relink', join(folder, 'moved'))
  expect(code).toBe(0)
  expect(json()).toMatchObject({ found: [{ path: join(folder, 'moved/elsewhere'), id: quiz?.id }], missing: 0, problems: [] })
  expect(await names('--filter', 'status=missing')).toEqual([])
  expect((await cli('relink', join(folder, 'nowhere'))).code).toBe(0)
})

test('metadata writes a file for each adapter', async () => {
  const { code, json } = await cli('metadata', 'news-r4', 'mixed', '--out', join(folder, 'out'))
  expect(code).toBe(0)
  const { paths } = json<{ paths: string[] }>()
  expect(paths).toEqual(['news-r4', 'mixed'].map((name) => join(folder, 'out', `${name}.amalgam.json`)))
  expect(JSON.parse(readFileSync(paths[0] ?? '', 'utf8'))).toMatchObject({ schema: 1, name: 'news-r4', tags: ['all', 'Both'] })
  expect((await cli('metadata', 'news-r4')).code).toBe(2)
})
