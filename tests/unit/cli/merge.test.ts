import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Job, JobDetail } from '../../../src-main/contract/job.ts'
import type { MergeResult } from '../../../src-main/contract/recipe.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { readPeftAdapter, weightedSum, worstDifference } from '../../helpers/peft.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const folder = scratch()
const library = join(folder, 'library')
const inLibrary = ['--library', library, '--json']
const one = join(folder, 'pool/one')
const two = join(folder, 'pool/two')

function recipe(name: string, value: unknown): string {
  const file = join(folder, name)
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return file
}

function weights({ path }: MergeResult): Buffer {
  return readFileSync(join(path, 'adapter_model.safetensors'))
}

beforeAll(() => {
  makeAdapter(one, { seed: 1, r: 4 })
  makeAdapter(two, { seed: 2, r: 2, targets: ['q_proj', 'v_proj'] })
})

test('adapters given by path, relative to the recipe, are imported and merged', async () => {
  const file = recipe(
    'exact.yaml',
    `
method: concat
adapters:
  - adapter: ./pool/one
    coefficient: 0.5
  - adapter: pool/two
    coefficient: -1.5
output: { name: exact sum }
`,
  )
  const { code, json, err } = await runCli(['merge', file, ...inLibrary], { cwd: '/' })
  expect([code, err.includes('error')]).toEqual([0, false])
  const result = json<MergeResult>()
  expect(Object.keys(result)).toEqual(['id', 'path', 'rank', 'fingerprint', 'seconds', 'modules', 'problems'])
  expect(result.rank).toBe(6)
  expect(result.fingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect(result.path.startsWith(join(library, 'outputs'))).toBe(true)
  const expected = weightedSum([
    { updates: readPeftAdapter(one), coefficient: 0.5 },
    { updates: readPeftAdapter(two), coefficient: -1.5 },
  ])
  expect(worstDifference(readPeftAdapter(result.path), expected)).toBeLessThan(1e-6)
  expect(result.modules.map(({ name }) => name).sort()).toEqual([...expected.keys()].sort())

  const shown = (await runCli(['show', result.id, ...inLibrary])).json<{ name: string; lineage: { method: string; fingerprint: string } }>()
  expect(shown).toMatchObject({ name: 'exact sum', lineage: { method: 'concat', fingerprint: result.fingerprint } })

  const jobs = (await runCli(['jobs', ...inLibrary])).json<Job[]>()
  const job = jobs.find(({ resultAdapterId }) => resultAdapterId === result.id)
  expect(job).toMatchObject({ state: 'done', kind: 'merge', fingerprint: result.fingerprint })
  const detail = (await runCli(['jobs', job?.id ?? '', ...inLibrary])).json<JobDetail>()
  expect(detail.recipe).toContain('method: concat')
  expect(detail.provenance['appVersion']).toMatch(/^\d/)
  expect(detail.provenance['device']).toContain('CPU')
})

test('a seeded method: the same recipe gives the same bytes, and its automatic numbers are kept', async () => {
  const lego = (seed: number) => recipe(`lego-${seed}.json`, { method: 'lego', adapters: [{ adapter: one }, { adapter: two }], seed })
  const first = (await runCli(['merge', lego(3), ...inLibrary])).json<MergeResult>()
  const again = (await runCli(['merge', lego(3), ...inLibrary])).json<MergeResult>()
  const other = (await runCli(['merge', lego(4), ...inLibrary])).json<MergeResult>()
  expect(first.rank).toBe(3) // the mean of 4 and 2
  expect(first.modules.every(({ discardedEnergy }) => discardedEnergy === 0)).toBe(true)
  expect([again.fingerprint, again.modules]).toEqual([first.fingerprint, first.modules])
  expect(weights(again).equals(weights(first))).toBe(true)
  expect(other.fingerprint).not.toBe(first.fingerprint)
  const jobs = (await runCli(['jobs', ...inLibrary])).json<Job[]>()
  const job = jobs.find(({ resultAdapterId }) => resultAdapterId === first.id)
  const detail = (await runCli(['jobs', job?.id ?? '', ...inLibrary])).json<JobDetail>()
  expect(detail.recipe).toContain('  k: 3\n')
  expect(detail.recipe).toContain('  referenceRank: 3\n')
})

test('a method on tiles: a recipe with its parameters, the loss of each module, and no rank "sum"', async () => {
  const ties = (output: object, params: object = { density: 0.5, variant: 'count' }) =>
    recipe('ties.json', { method: 'ties', params, adapters: [{ adapter: one }, { adapter: two }], output })
  const whole = (await runCli(['merge', ties({ rank: 16 }), ...inLibrary])).json<MergeResult>()
  expect(whole.rank).toBe(16)
  expect(whole.modules.every(({ discardedEnergy }) => discardedEnergy === 0)).toBe(true)
  const cut = (await runCli(['merge', ties({ rank: 3 }), ...inLibrary])).json<MergeResult>()
  expect(cut.rank).toBe(3)
  for (const { name, discardedEnergy, norm } of cut.modules) {
    expect(discardedEnergy, name).toBeGreaterThan(0.01)
    expect(norm).toBe(whole.modules.find((module) => module.name === name)?.norm)
  }
  const refused = await runCli(['merge', ties({ rank: 'sum' }), ...inLibrary])
  expect(refused.code).toBe(1)
  expect(refused.out).toContain('its result has full rank')
})

test('--out names the folder, which is never overwritten', async () => {
  const out = join(folder, 'out')
  const file = recipe('out.json', { method: 'linear', adapters: [{ adapter: one }, { adapter: two }], output: { rank: 3 } })
  const first = await runCli(['merge', file, '--out', 'out', ...inLibrary], { cwd: folder })
  expect(first.code).toBe(0)
  expect(first.json<MergeResult>()).toMatchObject({ path: out, rank: 3 })
  expect(readdirSync(out).sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  const second = await runCli(['merge', file, '--out', out, ...inLibrary])
  expect(second.code).toBe(1)
  expect(second.json()).toMatchObject({ problems: [{ code: 'output-exists' }] })
})

test('a recipe can come by standard input, and is shown in words without --json', async () => {
  const input = JSON.stringify({ method: 'average', adapters: [{ adapter: one }, { adapter: two }], output: { name: 'mean' } })
  const { code, out } = await runCli(['merge', '-', '--library', library], { input, cwd: folder })
  expect(code).toBe(0)
  expect(out).toMatch(/^Made +mean$/m)
})

test.each([
  ['an unknown method', { method: 'linaer', adapters: [{ adapter: one }] }, 'unknown-method', 'linear'],
  ['an unknown field', { method: 'linear', adapters: [{ adapter: one, coeficient: 1 }] }, 'unknown-field', 'coefficient'],
  [
    'a coefficient that is not a number',
    `method: linear\nadapters:\n  - adapter: ${one}\n    coefficient: .nan\n`,
    'coefficient-invalid',
    'finite',
  ],
  ['rank 0', { method: 'linear', adapters: [{ adapter: one }], output: { rank: 0 } }, 'rank-invalid', '1'],
  ['an adapter that is nowhere', { method: 'linear', adapters: [{ adapter: './nowhere' }] }, 'adapter-unknown', 'nowhere'],
  ['text that is no recipe', '{', 'recipe-not-readable', ''],
])('%s is refused with code 1 and a hint', async (_name, value, code, hint) => {
  const run = await runCli(['merge', recipe('wrong.yaml', value), ...inLibrary])
  expect(run.code).toBe(1)
  const { problems } = run.json<{ problems: { code: string; severity: string }[] }>()
  const found = problems.find((problem) => problem.code === code)
  expect(found?.severity).toBe('error')
  expect(JSON.stringify(found)).toContain(hint)
})

test('all that is wrong with a recipe is said at once, and nothing is imported for it', async () => {
  const fresh = makeAdapter(join(folder, 'fresh'), { seed: 9 })
  const before = (await runCli(['ls', ...inLibrary])).json<unknown[]>().length
  const wrong = { method: 'linaer', adapters: [{ adapter: fresh, coeficient: 1 }, { adapter: './nowhere' }], output: { rank: 0 } }
  const { code, json } = await runCli(['merge', recipe('several.json', wrong), ...inLibrary])
  expect(code).toBe(1)
  const codes = json<{ problems: { code: string }[] }>().problems.map((problem) => problem.code)
  expect(codes.toSorted()).toEqual(['adapter-unknown', 'rank-invalid', 'unknown-field', 'unknown-method'])
  expect((await runCli(['ls', ...inLibrary])).json<unknown[]>()).toHaveLength(before)
})

test('a broken source stops the merge with its own problems', async () => {
  const broken = makeAdapter(join(folder, 'broken'), { seed: 5, r: 4, config: { r: 8 } })
  const { code, json } = await runCli(['merge', recipe('broken.json', { method: 'linear', adapters: [{ adapter: broken }] }), ...inLibrary])
  expect(code).toBe(1)
  expect(json<{ problems: { code: string }[] }>().problems.map((problem) => problem.code)).toContain('rank-mismatch')
})

test('a recipe file that is not there is refused', async () => {
  const { code, json } = await runCli(['merge', join(folder, 'none.yaml'), ...inLibrary])
  expect([code, json()]).toMatchObject([1, { problems: [{ code: 'recipe-not-readable', where: { path: join(folder, 'none.yaml') } }] }])
})

test('Ctrl+C cancels the merge, leaves nothing behind and ends with 3', async () => {
  const big = ['big-1', 'big-2', 'big-3'].map((name, seed) =>
    makeAdapter(join(folder, name), { seed, r: 48, layers: 6, shape: { hidden: 512, intermediate: 1024, keyValue: 256 } }),
  )
  const file = recipe('big.json', { method: 'linear', adapters: big.map((adapter) => ({ adapter })), output: { rank: 140 } })
  const imported = await runCli(['import', ...big, ...inLibrary])
  expect(imported.code).toBe(0)
  const out = join(folder, 'cancelled')
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../src-main/cli.ts'), 'merge', file, '--out', out, ...inLibrary])
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  // The first progress line says that the job is running.
  await new Promise((resolve) => child.stderr.once('data', resolve))
  child.kill('SIGINT')
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect(code).toBe(3)
  expect(JSON.parse(text)).toMatchObject({ problems: [{ code: 'cancelled' }] })
  expect(existsSync(out)).toBe(false)
  expect(readdirSync(folder).filter((name) => name.includes('cancelled'))).toEqual([])
})
