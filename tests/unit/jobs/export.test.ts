import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ExportProfile, ExportResult } from '../../../src-main/contract/export-profiles.ts'
import type { Job } from '../../../src-main/contract/job.ts'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { checkExport } from '../../../src-main/jobs/export-plan.ts'
import type { MergeServices } from '../../../src-main/jobs/merge.ts'
import { makeOutputFolder } from '../../../src-main/jobs/output-folder.ts'
import { readAdapter } from '../../../src-main/library/read-adapter.ts'
import { checkProfile } from '../../../src-main/recipes/check-profile.ts'
import type { TestTensors, TinyAdapter } from '../../helpers/adapters.ts'
import { readPeftAdapter, readPeftConfig, worstDifference } from '../../helpers/peft.ts'
import { readSafetensors, type TensorDtype } from '../../helpers/safetensors.ts'
import { openBench, removeBench, type Bench } from './bench.ts'

let bench: Bench
beforeEach(() => {
  bench = openBench()
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

/** Ranks 4 and 2, alphas 8 and 16, rank-stabilised: all that a tool with one scale gets wrong. */
const uneven: TinyAdapter = {
  ...{ r: 4, alpha: 8, seed: 3, ranks: { q_proj: 2 } },
  config: { use_rslora: true, rank_pattern: { q_proj: 2 }, alpha_pattern: { up_proj: 16 } },
}
const source = (name: string) => join(bench.folder, 'pool', name)
const target = (name: string) => join(bench.folder, 'exports', name)
const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : [])
const idOf = (name: string): string => (bench.library.adapters.find(name, '/') as { id: string }).id
const exportTo = (name: string, profile: ExportProfile, padTo = 0): Promise<Job> =>
  bench.export({ adapter: idOf(name), profile, padTo, outFolder: target(name) })

async function resultOf(job: Job): Promise<ExportResult> {
  expect(job.problems.filter((problem) => problem.severity === 'error')).toEqual([])
  expect(job.state).toBe('done')
  return (await bench.queue.get(job.id))!.result as ExportResult
}
function refusalsOf(name: string, profile: ExportProfile, padTo = 0) {
  const { jobId, problems } = bench.queue.start('export', { adapter: idOf(name), profile, padTo, outFolder: target(name) })
  expect(jobId).toBeNull()
  expect(namesIn(join(bench.folder, 'exports'))).toEqual([])
  return problems.filter((problem) => problem.severity === 'error')
}

test('for PEFT, the files are copied byte for byte', async () => {
  await bench.add('a', { ...uneven, card: '# a card\n' })
  const result = await resultOf(await exportTo('a', 'peft'))
  const weights = readFileSync(join(source('a'), 'adapter_model.safetensors'))
  expect(result).toEqual({ path: target('a'), profile: 'peft', rank: 4, sizeBytes: weights.length })
  expect(checkExport(bench.library.adapters.get(idOf('a'))!, 'peft')).toEqual({
    ...{ profile: 'peft', unchanged: [], exported: [], rank: 4, sizeBytes: weights.length },
  })
  expect(namesIn(result.path)).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  for (const name of namesIn(result.path))
    expect(readFileSync(join(result.path, name)).equals(readFileSync(join(source('a'), name)))).toBe(true)
})

describe.each(['vllm', 'llamacpp'] as const)('for %s', (profile) => {
  const ranks = { vllm: 8, llamacpp: 4 }

  test.each([
    ['F32', 1e-6],
    ['F16', 2e-3],
    ['BF16', 1e-2],
  ] as const)(
    'the update in %s is the same up to rounding, with one rank, alpha equal to it, and nothing to fold any more',
    async (dtype, tolerance) => {
      await bench.add('a', { ...uneven, dtype })
      const { path, rank, sizeBytes } = await resultOf(await exportTo('a', profile))
      expect(rank).toBe(ranks[profile])
      expect(sizeBytes).toBe(readFileSync(join(path, 'adapter_model.safetensors')).length)
      expect(readPeftConfig(path)).toMatchObject({
        ...{ r: rank, lora_alpha: rank, use_rslora: false, rank_pattern: {}, alpha_pattern: {}, bias: 'none', modules_to_save: null },
        base_model_name_or_path: 'test/tiny-llama',
      })
      const original = new Map([...readPeftAdapter(source('a'))].map(([module, { delta }]) => [module, delta]))
      const written = readPeftAdapter(path)
      expect(worstDifference(written, original)).toBeLessThan(tolerance)
      expect(worstDifference(written, original)).toBeGreaterThan(0)
      for (const tensor of readSafetensors(join(path, 'adapter_model.safetensors')).values()) {
        expect(tensor.dtype).toBe(dtype)
        expect(tensor.shape).toContain(rank)
      }
    },
  )

  test('the tool has nothing to say of what was written, and said it before', async () => {
    await bench.add('a', uneven)
    const { path, rank, sizeBytes } = await resultOf(await exportTo('a', profile))
    const facts = readAdapter(path)
    const config = JSON.parse(facts.config ?? '') as Record<string, unknown>
    expect(checkProfile({ ...facts, config, extras: facts.ignoredTensors }, profile)).toEqual([])
    const check = checkExport(bench.library.adapters.get(idOf('a'))!, profile)
    expect(check).toMatchObject({ profile, exported: [], rank, sizeBytes })
    expect(check.unchanged.map((problem) => problem.code)).toEqual(['patterns-ignored'])
  })

  test('zeros stay zeros, and nothing else becomes one', async () => {
    await bench.add('sparse', { ...uneven, edit: sparse })
    const { path, rank } = await resultOf(await exportTo('sparse', profile))
    const before = readSafetensors(join(source('sparse'), 'adapter_model.safetensors'))
    let zeros = 0
    for (const [name, { data, shape }] of readSafetensors(join(path, 'adapter_model.safetensors'))) {
      const old = before.get(name)!
      const [rows = 0, columns = 0] = shape
      const [oldRows = 0, oldColumns = 0] = old.shape
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          const inside = i < oldRows && j < oldColumns
          const was = inside ? old.data[i * oldColumns + j] : 0
          expect(data[i * columns + j] === 0).toBe(was === 0)
          if (inside && was === 0) zeros += 1
        }
      expect([rows, columns]).toContain(rank)
    }
    expect(zeros).toBeGreaterThan(100)
  })

  test('an embedding keeps its names and its update', async () => {
    await bench.add('embedding', { r: 2, config: { target_modules: ['embed_tokens'] }, edit: embedding })
    const job = await exportTo('embedding', profile)
    const { path } = await resultOf(job)
    const original = new Map([...readPeftAdapter(source('embedding'))].map(([module, { delta }]) => [module, delta]))
    expect(worstDifference(readPeftAdapter(path), original)).toBeLessThan(1e-6)
    expect(job.problems.map((problem) => problem.code)).toEqual(profile === 'vllm' ? ['embedding-limits'] : [])
  })

  test('what lies beside the factors is left out, and said', async () => {
    await bench.add('extras', { config: { modules_to_save: ['lm_head'] }, edit: withHead })
    const job = await exportTo('extras', profile)
    const { path } = await resultOf(job)
    expect(job.problems).toMatchObject([
      { code: 'extras-left-out', severity: 'warning', where: { tensor: 'base_model.model.lm_head.weight' } },
    ])
    expect([...readSafetensors(join(path, 'adapter_model.safetensors')).keys()].filter((name) => !name.includes('.lora_'))).toEqual([])
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toContain('Left out, because it is no factor: `base_model.model.lm_head.weight`.')
  })

  test('variants that are no plain LoRA are refused by name', async () => {
    await bench.add('dora', { config: { use_dora: true } })
    expect(refusalsOf('dora', profile)).toMatchObject([{ code: 'adapter-not-mergeable' }])
    const check = checkExport(bench.library.adapters.get(idOf('dora'))!, profile)
    expect(check).toMatchObject({ rank: null, sizeBytes: null })
    expect(check.unchanged.map((problem) => problem.code)).toEqual(['dora-not-read'])
  })
})

test('the rank is padded further when asked, to one that the tool takes', async () => {
  await bench.add('a', { r: 12, targets: ['q_proj'] })
  expect(refusalsOf('a', 'vllm', 24)).toMatchObject([{ code: 'rank-invalid', allowed: ['16', '32', '64', '128', '256', '320', '512'] }])
  expect(refusalsOf('a', 'vllm', 8)).toMatchObject([{ code: 'rank-invalid' }])
  expect(refusalsOf('a', 'llamacpp', 11)).toMatchObject([{ code: 'rank-invalid', allowed: ['a whole number from 12 to 4096'] }])
  expect(refusalsOf('a', 'peft', 16)).toMatchObject([{ code: 'rank-invalid' }])
  const wide = await exportTo('a', 'vllm', 32)
  expect((await resultOf(wide)).rank).toBe(32)
  expect(wide.problems).toMatchObject([{ code: 'rank-above-limit', severity: 'warning', hint: 'Start vLLM with --max-lora-rank 32.' }])
  const original = new Map([...readPeftAdapter(source('a'))].map(([module, { delta }]) => [module, delta]))
  expect(worstDifference(readPeftAdapter(target('a')), original)).toBeLessThan(1e-6)
  const odd = await bench.export({ adapter: idOf('a'), profile: 'llamacpp', padTo: 13, outFolder: target('odd') })
  expect((await resultOf(odd)).rank).toBe(13)
})

test('a rank beyond every limit of vLLM is refused, and llama.cpp takes it', async () => {
  await bench.add('a', { r: 600, targets: ['q_proj'], layers: 1 })
  expect(refusalsOf('a', 'vllm')).toMatchObject([{ code: 'rank-above-limit' }])
  expect((await resultOf(await exportTo('a', 'llamacpp'))).rank).toBe(600)
})

test('the card says where the export comes from and for what it was made', async () => {
  await bench.add('a', { ...uneven, card: '---\nlicense: mit\n---\n' })
  const job = await exportTo('a', 'vllm')
  const { path } = await resultOf(job)
  const card = readFileSync(join(path, 'README.md'), 'utf8')
  const [, matter, text = ''] = /^---\n(.*?)---\n(.*)$/s.exec(card)!
  expect(parse(matter ?? '')).toEqual({
    ...{ base_model: 'test/tiny-llama', library_name: 'peft', license: 'mit', tags: ['lora', 'amalgam', 'vllm'] },
  })
  const { contentHash, tensorHash } = bench.library.adapters.get(idOf('a'))!
  for (const fact of [
    `\`${contentHash}\` | \`${tensorHash}\``,
    'export profile vllm',
    job.fingerprint!,
    'Amalgam 9.8.7',
    '--max-lora-rank 8',
  ])
    expect(text).toContain(fact)
  expect(card).not.toContain(bench.folder)
})

test('the library gets no row of an export', async () => {
  await bench.add('a')
  const job = await exportTo('a', 'vllm')
  await resultOf(job)
  expect(job).toMatchObject({ resultAdapterId: null, title: 'a for vLLM', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(bench.library.adapters.facets().total).toBe(1)
})

test('in a folder, an export gets a name of its own and never another', async () => {
  await bench.add('a')
  const folder = join(bench.folder, 'exports')
  const places = []
  for (const profile of ['peft', 'vllm', 'vllm'] as const)
    places.push(basename((await resultOf(await bench.export({ adapter: idOf('a'), profile, padTo: 0, folder }))).path))
  expect(places).toEqual(['a', 'a-vllm', 'a-vllm-2'])
  expect(namesIn(folder)).toEqual(['a', 'a-vllm', 'a-vllm-2'])
})

test('a refused adapter is refused with its problems, whatever the profile', async () => {
  const item = await bench.add('broken', { r: 4, config: { r: 8 } })
  const row = bench.library.adapters.get(item.id!)!
  for (const profile of ['peft', 'vllm', 'llamacpp'] as const) {
    const { jobId, problems } = bench.queue.start('export', { adapter: row.id, profile, padTo: 0, outFolder: target('broken') })
    expect(jobId).toBeNull()
    expect(problems).toEqual(row.problems.filter((problem) => problem.severity === 'error'))
    expect(problems.map((problem) => problem.code)).toEqual(['rank-mismatch'])
    expect(checkExport(row, profile).unchanged.map((problem) => problem.code)).toContain('rank-mismatch')
  }
  expect(bench.queue.start('export', { adapter: 'nobody', profile: 'peft', padTo: 0, outFolder: target('x') })).toMatchObject({
    problems: [{ code: 'adapter-unknown' }],
  })
})

test('an output folder that exists is refused and stays as it is, also one that appears meanwhile', async () => {
  await bench.add('a')
  mkdirSync(target('a'), { recursive: true })
  expect(bench.queue.start('export', { adapter: idOf('a'), profile: 'vllm', padTo: 0, outFolder: target('a') })).toMatchObject({
    jobId: null,
    problems: [{ code: 'output-exists' }],
  })
  for (const profile of ['peft', 'vllm'] as const) {
    const { jobId } = bench.queue.start('export', { adapter: idOf('a'), profile, padTo: 0, outFolder: target(profile) })
    mkdirSync(target(profile))
    writeFileSync(join(target(profile), 'mine.txt'), 'mine')
    expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'failed', problems: [{ code: 'output-exists' }] })
    expect(namesIn(target(profile))).toEqual(['mine.txt'])
  }
  expect(namesIn(join(bench.folder, 'exports'))).toEqual(['a', 'peft', 'vllm'])
})

test.each(['peft', 'vllm'] as const)('for %s, a source that changed or is gone fails the job and leaves nothing', async (profile) => {
  await bench.add('a')
  await bench.add('gone', { seed: 2 })
  utimesSync(join(source('a'), 'adapter_model.safetensors'), 1, 1)
  expect(await exportTo('a', profile)).toMatchObject({
    ...{ state: 'failed', problems: [{ code: 'file-changed', where: { path: join(source('a'), 'adapter_model.safetensors') } }] },
  })
  const { jobId } = bench.queue.start('export', { adapter: idOf('gone'), profile, padTo: 0, outFolder: target('gone') })
  rmSync(source('gone'), { recursive: true })
  expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'failed', problems: [{ code: 'file-missing' }] })
  expect(namesIn(join(bench.folder, 'exports'))).toEqual([])
})

describe('an export that ends early leaves nothing behind', () => {
  const reopen = async (change: Partial<MergeServices>): Promise<void> => {
    await bench.add('a')
    await bench.close()
    bench = openBench(change, bench.folder)
  }
  const devices = () => createEngine({ threads: 1 }).devices()

  test('cancelled while the core writes', async () => {
    await reopen({
      engine: {
        devices,
        merge: (_job, outFile, { signal } = {}) =>
          new Promise((_resolve, reject) => {
            writeFileSync(outFile, 'half a file')
            signal?.addEventListener('abort', () => reject(new Refusal([errorProblem('cancelled', 'The work was cancelled.')])))
          }),
      },
    })
    const { jobId } = bench.queue.start('export', { adapter: idOf('a'), profile: 'vllm', padTo: 0, outFolder: target('a') })
    while (namesIn(join(bench.folder, 'exports')).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    bench.queue.cancel(jobId!)
    expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'cancelled', problems: [] })
    expect(namesIn(join(bench.folder, 'exports'))).toEqual([])
  })

  test('a core that refuses fails the job with its reason, and the same again starts from what is kept', async () => {
    await reopen({ engine: { devices, merge: () => Promise.reject(new Refusal([errorProblem('not-finite', 'It overflows.')])) } })
    const job = await exportTo('a', 'vllm')
    expect(job).toMatchObject({ state: 'failed', problems: [{ code: 'not-finite' }] })
    expect(namesIn(join(bench.folder, 'exports'))).toEqual([])
    await bench.close()
    bench = openBench({}, bench.folder)
    const { jobId } = bench.queue.runAgain(job.id)
    expect(await resultOf(await bench.queue.whenEnded(jobId!))).toMatchObject({ path: target('a'), profile: 'vllm', rank: 8 })
  })

  test('one whose process was killed is cleaned up at the next start', async () => {
    await bench.add('a')
    const { jobId } = bench.queue.start('export', { adapter: idOf('a'), profile: 'vllm', padTo: 0, outFolder: target('a') })
    await bench.queue.whenEnded(jobId!)
    rmSync(target('a'), { recursive: true })
    // As a process leaves it that ends while it writes: running, owned by nobody, a partial folder beside the target.
    const stored = bench.library.jobs.get(jobId!)!
    bench.library.jobs.update(jobId!, { state: 'running', endedAt: null, provenance: { ...stored.provenance, process: '4194305 0' } })
    const partial = await makeOutputFolder(target('a'), jobId!, 1)
    writeFileSync(join(partial.temporary, 'adapter_model.safetensors'), 'half a file')
    await bench.close()
    bench = openBench({}, bench.folder)
    await bench.queue.open()
    expect(bench.library.jobs.get(jobId!)?.state).toBe('interrupted')
    expect(namesIn(join(bench.folder, 'exports'))).toEqual([])
  })
})

/** Two of three entries of every B become zero, and one whole row of every A. */
function sparse(tensors: TestTensors): void {
  for (const [name, tensor] of tensors) {
    const data = Float32Array.from(tensor.data, (value, index) =>
      name.includes('.lora_B.') ? (index % 3 === 0 ? value : 0) : index < (tensor.shape[1] ?? 0) ? 0 : value,
    )
    tensors.set(name, { ...tensor, data })
  }
}

function embedding(): TestTensors {
  const values = (count: number, step: number) => Float32Array.from({ length: count }, (_, index) => Math.sin(index * step + 1))
  const dtype: TensorDtype = 'F32'
  return new Map([
    ['base_model.model.model.embed_tokens.lora_embedding_A', { dtype, shape: [2, 32], data: values(64, 0.7) }],
    ['base_model.model.model.embed_tokens.lora_embedding_B', { dtype, shape: [16, 2], data: values(32, 1.3) }],
  ])
}

function withHead(tensors: TestTensors): void {
  tensors.set('base_model.model.lm_head.weight', { dtype: 'F32', shape: [4, 16], data: new Float32Array(64) })
}
