import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../../src-main/contract/job.ts'
import type { MergeResult } from '../../../src-main/contract/recipe.ts'
import { fill, gaussian } from '../../helpers/adapters.ts'
import { norm, readPeftAdapter, readPeftConfig, weightedSum, worstDifference, type Update } from '../../helpers/peft.ts'
import { readSafetensorsMetadata } from '../../helpers/safetensors.ts'
import { openBench, removeBench, type Bench } from './bench.ts'

let bench: Bench
beforeEach(async () => {
  bench = openBench()
  await bench.add('a', { r: 4, alpha: 8, seed: 1, card: '---\nlicense: mit\n---\n' })
  await bench.add('b', {
    r: 6,
    alpha: 3,
    seed: 2,
    targets: ['q_proj', 'v_proj', 'up_proj'],
    config: { use_rslora: true },
    card: '---\nlicense: mit\n---\n',
  })
})
afterEach(async () => {
  await bench.close()
  removeBench(bench)
})

const updatesOf = (name: string): Map<string, Update> => readPeftAdapter(join(bench.folder, 'pool', name))
const recipe = (more: object = {}) => ({
  method: 'concat',
  adapters: [
    { adapter: './a', coefficient: 0.7 },
    { adapter: 'b', coefficient: -0.4 },
  ],
  ...more,
})
const sum = (a = 0.7, b = -0.4) => weightedSum([{ updates: updatesOf('a'), coefficient: a }, { updates: updatesOf('b'), coefficient: b }]) // prettier-ignore

async function resultOf(job: Job): Promise<MergeResult> {
  expect(job.problems.filter((problem) => problem.severity === 'error')).toEqual([])
  expect(job.state).toBe('done')
  return (await bench.queue.get(job.id))!.result as MergeResult
}
/** Everything in a folder, hidden names included. */
const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : [])

test('a merged adapter has, by the rules of PEFT, the update that a recomputation gives', async () => {
  const result = await resultOf(await bench.merge(recipe()))
  expect(namesIn(result.path)).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  expect(worstDifference(readPeftAdapter(result.path), sum())).toBeLessThan(1e-6)
  expect(result.rank).toBe(10)
  for (const { name, norm: size, discardedEnergy } of result.modules) {
    expect(size / norm(sum().get(name)!)).toBeCloseTo(1, 6)
    expect(discardedEnergy).toBe(0)
  }
})

test.each([
  ['bfloat16', 1e-2],
  ['float16', 1e-3],
] as const)('%s is as near as its digits allow', async (dtype, tolerance) => {
  const { path } = await resultOf(await bench.merge(recipe({ output: { dtype } })))
  const difference = worstDifference(readPeftAdapter(path), sum())
  expect(difference).toBeLessThan(tolerance)
  expect(difference).toBeGreaterThan(tolerance / 1000)
})

test('rules, the union of targets and an untruncated linear merge agree with the recomputation', async () => {
  const coefficient = { default: 0.5, rules: [{ modules: 'q_proj|k_proj', value: 2 }, { layers: [1, 1], value: -1 }] } // prettier-ignore
  const { path } = await resultOf(
    await bench.merge({
      method: 'linear',
      adapters: [{ adapter: 'a', coefficient }, { adapter: 'b' }],
      output: { rank: 'sum', padTo: 'vllm' },
    }),
  )
  const ruled = (module: string) => (module.includes('layers.1.') ? -1 : /[qk]_proj$/.test(module) ? 2 : 0.5)
  const expected = weightedSum([{ updates: updatesOf('a'), coefficient: ruled }, { updates: updatesOf('b'), coefficient: 1 }]) // prettier-ignore
  expect(worstDifference(readPeftAdapter(path), expected)).toBeLessThan(2e-6)
  expect(readPeftConfig(path)).toMatchObject({ r: 16, lora_alpha: 16 })
})

test('embeddings merge like any module, under their own tensor names', async () => {
  for (const [name, seed] of [
    ['e1', 5],
    ['e2', 6],
  ] as const) {
    const random = gaussian(seed)
    await bench.add(name, {
      targets: ['q_proj'],
      layers: 1,
      seed,
      config: { target_modules: ['q_proj', 'embed_tokens'] },
      edit(tensors) {
        const prefix = 'base_model.model.model.embed_tokens'
        tensors.set(`${prefix}.lora_embedding_A`, { dtype: 'F32', shape: [4, 30], data: fill(120, random) })
        tensors.set(`${prefix}.lora_embedding_B`, { dtype: 'F32', shape: [16, 4], data: fill(64, random) })
      },
    })
  }
  const { path } = await resultOf(
    await bench.merge({ method: 'linear', adapters: [{ adapter: 'e1' }, { adapter: 'e2', coefficient: 0.5 }], output: { rank: 'sum' } }),
  )
  const expected = weightedSum([{ updates: updatesOf('e1'), coefficient: 1 }, { updates: updatesOf('e2'), coefficient: 0.5 }]) // prettier-ignore
  expect([...expected.keys()].sort()).toEqual(['model.embed_tokens', 'model.layers.0.self_attn.q_proj'])
  expect(worstDifference(readPeftAdapter(path), expected)).toBeLessThan(2e-6)
  expect(readPeftConfig(path)['target_modules']).toEqual(['embed_tokens', 'q_proj'])
})

test('what a cut discards is what the written update lacks', async () => {
  const result = await resultOf(await bench.merge(recipe({ method: 'linear', output: { rank: 3 } })))
  const written = readPeftAdapter(result.path)
  for (const [name, whole] of sum()) {
    const cut = norm(whole.map((value, i) => value - written.get(name)!.delta[i]!)) / norm(whole)
    expect(result.modules.find((module) => module.name === name)!.discardedEnergy).toBeCloseTo(cut, 5)
  }
})

test('the config is written as PEFT wants it, with nothing left to interpretation', async () => {
  const { path } = await resultOf(await bench.merge(recipe()))
  const text = readFileSync(join(path, 'adapter_config.json'), 'utf8')
  const config = JSON.parse(text) as Record<string, unknown>
  expect(Object.keys(config)).toEqual(Object.keys(config).sort())
  expect(config).toMatchObject({
    base_model_name_or_path: 'test/tiny-llama',
    bias: 'none',
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: 10,
    peft_type: 'LORA',
    peft_version: '0.21.0',
    r: 10,
    rank_pattern: {},
    alpha_pattern: {},
    modules_to_save: null,
    target_modules: ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  })
  expect(readSafetensorsMetadata(join(path, 'adapter_model.safetensors'))).toEqual({ format: 'pt' })
})

test('a base model and a task that the sources do not agree on are left open, and said', async () => {
  await bench.add('other', { r: 2, seed: 3, config: { base_model_name_or_path: 'test/other', task_type: 'SEQ_2_SEQ_LM' } })
  const job = await bench.merge({ method: 'concat', adapters: [{ adapter: 'a' }, { adapter: 'other' }] })
  const { path } = await resultOf(job)
  expect(readPeftConfig(path)).toMatchObject({ base_model_name_or_path: null, task_type: null })
  expect(job.problems.map((problem) => problem.code)).toContain('base-models-differ')
})

test('the model card tells how it was made', async () => {
  const { path, fingerprint } = await resultOf(await bench.merge(recipe({ output: { name: 'a|b *merged*' } })))
  const card = readFileSync(join(path, 'README.md'), 'utf8')
  const [, matter, text = ''] = /^---\n(.*?)---\n(.*)$/s.exec(card)!
  expect(parse(matter ?? '')).toEqual({
    base_model: 'test/tiny-llama',
    library_name: 'peft',
    license: 'mit',
    tags: ['lora', 'merge', 'amalgam', 'concat'],
  })
  expect(text).toContain('# a\\|b \\*merged\\*\n')
  for (const fact of [
    'Huang et al. 2023',
    'ΔW = Σ cᵢ sᵢ Bᵢ Aᵢ',
    fingerprint,
    'Amalgam 9.8.7, native core ',
    'coefficient: -0.4',
    'seed 1',
  ]) {
    expect(text).toContain(fact)
  }
  for (const name of ['a', 'b']) {
    const { contentHash, tensorHash } = bench.library.adapters.get(idOf(name))!
    expect(text).toContain(`\`${contentHash}\` | \`${tensorHash}\``)
  }
  expect(text).toContain(`PeftModel.from_pretrained(base, "./${basename(path)}")`)
  expect(text.match(/^\| `model\.layers\.\d\..*$/gm)).toHaveLength(14)
  expect(card).not.toContain(bench.folder)
})

const idOf = (name: string): string => (bench.library.adapters.find(name, '/') as { id: string }).id

test('the result is in the library with its lineage', async () => {
  const job = await bench.merge(recipe({ output: { name: 'my merge' } }))
  const { id, path, fingerprint } = await resultOf(job)
  const row = bench.library.adapters.get(id)!
  expect(row).toMatchObject({ name: 'my merge', status: 'ok', origin: 'merged', ranks: [10], scaling: [1], paths: [path] })
  expect(row.lineage).toMatchObject({
    kind: 'merge',
    method: 'concat',
    fingerprint,
    jobId: job.id,
    sources: [
      { id: idOf('a'), name: 'a', coefficient: '0.7' },
      { id: idOf('b'), name: 'b', coefficient: '-0.4' },
    ],
  })
  expect(job.resultAdapterId).toBe(id)
  expect(basename(path)).toBe('my-merge')
})

test('a merge of merges works, and cancelling out gives zeros', async () => {
  const { id } = await resultOf(await bench.merge(recipe({ output: { name: 'first' } })))
  const { path } = await resultOf(
    await bench.merge({
      method: 'concat',
      adapters: [{ adapter: id }, { adapter: 'a', coefficient: -0.7 }, { adapter: 'b', coefficient: 0.4 }],
    }),
  )
  for (const [name, { delta }] of readPeftAdapter(path)) expect(norm(delta) / norm(updatesOf('a').get(name)!.delta)).toBeLessThan(1e-6)
})

test('the same recipe twice gives the same bytes, in a folder of its own, and one adapter', async () => {
  const first = await resultOf(await bench.merge(recipe({ output: { name: 'twice' } })))
  const second = await resultOf(await bench.merge(recipe({ output: { name: 'twice' } })))
  expect([basename(first.path), basename(second.path)]).toEqual(['twice', 'twice-2'])
  for (const name of namesIn(first.path).filter((file) => file !== 'README.md')) {
    expect(readFileSync(join(first.path, name)).equals(readFileSync(join(second.path, name)))).toBe(true)
  }
  expect(second.id).toBe(first.id)
  expect(second.fingerprint).toBe(first.fingerprint)
})

test('a folder that was asked for is exactly that folder', async () => {
  const out = join(bench.folder, 'deep', 'er', 'exactly this')
  const { path, id } = await resultOf(await bench.merge(recipe(), out))
  expect(path).toBe(out)
  expect(namesIn(out)).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  expect(namesIn(join(bench.folder, 'deep', 'er'))).toEqual(['exactly this'])
  expect(bench.library.adapters.get(id)?.name).toBe('exactly this')
})

test('an output folder that exists is refused at once and stays as it is, empty or not', async () => {
  const out = join(bench.folder, 'there')
  mkdirSync(out)
  expect(bench.queue.start('merge', { recipe: recipe({ adapters: [{ adapter: 'a' }] }), outFolder: out })).toMatchObject({
    jobId: null,
    problems: [{ code: 'output-exists', where: { path: out } }],
  })
  expect(namesIn(out)).toEqual([])
  expect(bench.queue.list()).toEqual([])
})

test('a folder that appears while a merge waits is not touched either', async () => {
  const out = join(bench.folder, 'soon')
  const { jobId } = bench.queue.start('merge', { recipe: { method: 'concat', adapters: [{ adapter: 'a' }] }, outFolder: out })
  mkdirSync(out)
  writeFileSync(join(out, 'mine.txt'), 'mine')
  expect(await bench.queue.whenEnded(jobId!)).toMatchObject({ state: 'failed', problems: [{ code: 'output-exists' }] })
  expect(namesIn(out)).toEqual(['mine.txt'])
})

test('a place that cannot be written is a problem, and nothing is left', () => {
  writeFileSync(join(bench.folder, 'file'), 'a file, no folder')
  const started = bench.queue.start('merge', {
    recipe: { method: 'concat', adapters: [{ adapter: 'a' }] },
    outFolder: join(bench.folder, 'file', 'out'),
  })
  expect(started).toMatchObject({ jobId: null, problems: [{ code: 'write-failed', where: { path: join(bench.folder, 'file', 'out') } }] })
  expect(lstatSync(join(bench.folder, 'file')).isFile()).toBe(true)
})

test('an outputs folder that cannot be made fails the job with its reason', async () => {
  writeFileSync(bench.outputs, 'a file, no folder')
  expect(await bench.merge(recipe())).toMatchObject({ state: 'failed', problems: [{ code: 'write-failed' }] })
  expect(readFileSync(bench.outputs, 'utf8')).toBe('a file, no folder')
})

test('a source that changed after it was checked is refused', async () => {
  utimesSync(join(bench.folder, 'pool', 'b', 'adapter_model.safetensors'), 1, 1)
  const job = await bench.merge(recipe())
  expect(job).toMatchObject({ state: 'failed', problems: [{ code: 'file-changed', where: { field: 'adapters[1].adapter' } }] })
  expect(namesIn(bench.outputs)).toEqual([])
})

test('a recipe with problems starts no job', () => {
  const started = bench.queue.start('merge', { recipe: { method: 'liner', adapters: [{ adapter: 'nobody' }] } })
  expect(started.jobId).toBeNull()
  expect(started.problems.map((problem) => problem.code)).toEqual(['unknown-method', 'adapter-unknown'])
})

test('names become folder names that are safe everywhere', async () => {
  const { path, id } = await resultOf(await bench.merge(recipe({ output: { name: '../../Été / "quoted": ünïcode' } })))
  expect(path).toBe(join(bench.outputs, 'Ete-quoted-unicode'))
  expect(bench.library.adapters.get(id)?.name).toBe('../../Été / "quoted": ünïcode')
})

test('without a name the sources give one', async () => {
  const job = await bench.merge(recipe())
  expect(job.title).toBe('concat of a, b')
  expect(basename((await resultOf(job)).path)).toBe('concat-of-a-b')
})

test('the log tells the stages, the fingerprint and the result', async () => {
  const job = await bench.merge(recipe())
  const { log, recipe: text } = (await bench.queue.get(job.id))!
  const whole = log.join('\n')
  for (const part of [
    'stage: resolving',
    `fingerprint ${job.fingerprint}`,
    'stage: finalising',
    'stage: importing',
    '"discardedEnergy":0',
  ]) {
    expect(whole).toContain(part)
  }
  expect(text).toContain(`- adapter: ${idOf('a')} # a\n`)
})
