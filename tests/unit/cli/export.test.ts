import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ExportCheck } from '../../../src-main/contract/export-profiles.ts'
import type { Problem } from '../../../src-main/contract/problems.ts'
import { makeAdapter } from '../../helpers/adapters.ts'
import { readPeftConfig } from '../../helpers/peft.ts'
import { runCli, scratch } from './run-cli.ts'

// Each run is a process of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const folder = scratch()
const inLibrary = ['--library', join(folder, 'library')]
interface Exported {
  readonly path: string | null
  readonly profile: string
  readonly rank: number
  readonly sizeBytes: number
  readonly problems: readonly Problem[]
}

beforeAll(async () => {
  makeAdapter(join(folder, 'pool/patterned'), { r: 4, ranks: { q_proj: 2 }, config: { rank_pattern: { q_proj: 2 } } })
  makeAdapter(join(folder, 'pool/dora'), { seed: 2, config: { use_dora: true } })
  expect((await runCli(['import', join(folder, 'pool'), ...inLibrary])).code).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('export for vLLM writes one rank, and never overwrites', async () => {
  const out = join(folder, 'exported')
  const { code, json } = await runCli(['export', 'patterned', '--out', out, '--profile', 'vllm', '--json', ...inLibrary])
  expect(code).toBe(0)
  const size = readFileSync(join(out, 'adapter_model.safetensors')).length
  expect(json<Exported>()).toEqual({ path: out, profile: 'vllm', rank: 8, sizeBytes: size, problems: [] })
  expect(readPeftConfig(out)).toMatchObject({ r: 8, lora_alpha: 8, rank_pattern: {} })
  const again = await runCli(['export', 'patterned', '--out', out, '--profile', 'vllm', '--json', ...inLibrary])
  expect(again.code).toBe(1)
  expect(again.json<Exported>()).toMatchObject({ path: null, problems: [{ code: 'output-exists' }] })
})

test('the path goes to standard output and warnings to standard error; --pad-to raises the rank', async () => {
  const out = join(folder, 'wide')
  const {
    code,
    out: printed,
    err,
  } = await runCli(['export', 'patterned', '--out', out, '--profile', 'vllm', '--pad-to', '32', ...inLibrary])
  expect(code).toBe(0)
  expect(printed).toBe(`${out}\n`)
  expect(err).toContain('warning: Rank above the limit (rank-above-limit)')
  expect(readPeftConfig(out).r).toBe(32)
})

test('--check says what the tool would say and writes nothing', async () => {
  const plain = await runCli(['export', 'patterned', '--check', '--profile', 'vllm', ...inLibrary])
  expect(plain.code).toBe(0)
  expect(plain.out).toContain('patterned as it is, in vLLM:\n  error: Ranks or alphas per module are ignored (patterns-ignored)')
  expect(plain.out).toMatch(/Exported for vLLM \(rank 8, \d+ bytes\): nothing to say\n$/)
  const dora = await runCli(['export', 'dora', '--check', '--profile', 'llamacpp', '--json', ...inLibrary])
  expect(dora.code).toBe(1)
  const check = dora.json<ExportCheck>()
  expect(check).toMatchObject({ profile: 'llamacpp', rank: null, sizeBytes: null })
  expect(check.unchanged.map(({ code }) => code)).toEqual(['dora-not-read'])
  expect(check.exported.map(({ code }) => code)).toEqual(['adapter-not-mergeable'])
  expect(readdirSync(folder).sort()).toEqual(['exported', 'library', 'pool', 'wide'])
})

test('what stands against an export is told with exit code 1, wrong words with 2', async () => {
  const refused = await runCli(['export', 'dora', '--out', join(folder, 'x'), '--profile', 'vllm', '--json', ...inLibrary])
  expect([refused.code, refused.json<Exported>().problems.map(({ code }) => code)]).toEqual([1, ['adapter-not-mergeable']])
  for (const words of [['--profile', 'gguf'], ['--pad-to', 'many'], []])
    expect(
      (await runCli(['export', 'patterned', ...(words.length > 0 ? ['--out', join(folder, 'x')] : []), ...words, ...inLibrary])).code,
    ).toBe(2)
  expect(existsSync(join(folder, 'x'))).toBe(false)
})
