import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Refusal } from '../../../src-main/contract/problems.ts'
import type { RecipeInput, ResolvedMergeJob } from '../../../src-main/contract/recipe.ts'
import { createEngine } from '../../../src-main/engine/engine.ts'
import { keptEnergy, normsOf } from '../../../src-main/recipes/energy.ts'
import { writtenBytes } from '../../../src-main/recipes/file-size.ts'
import { createPreviewer } from '../../../src-main/recipes/preview.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { norm, readPeftAdapter } from '../../helpers/peft.ts'
import { makePool, type Pool } from '../recipes/pool.ts'

// The engine over the real addon.

const engine = createEngine({ threads: 2 })
let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { r: 4, alpha: 8, seed: 1 })
  pool.add('b', { r: 6, alpha: 3, seed: 2, targets: ['q_proj', 'up_proj'] })
})
afterAll(() => pool.close())

function jobOf(recipe: RecipeInput): ResolvedMergeJob {
  const { job, problems } = resolveDraft(recipe, pool, { device: 'cpu' })
  if (!job) throw new Error(JSON.stringify(problems))
  return job
}
const both = (more: object = {}): RecipeInput => ({
  method: 'linear',
  adapters: [{ adapter: 'a' }, { adapter: 'b', coefficient: -0.5 }],
  ...more,
})

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason) // prettier-ignore
  expect(error).toBeInstanceOf(Refusal)
  return error as Refusal
}

test('the device has a processor, threads, an instruction set and a build', () => {
  const device = engine.devices()
  expect(device.device).toBe('CPU')
  expect(device.instructions).toMatch(/^(avx512|avx2|portable)$/)
  expect(device.nativeBuild).toMatch(/^[0-9a-f]{8,}$/)
  expect(device.processor.length).toBeGreaterThan(3)
})

test.each(['float32', 'float16', 'bfloat16'] as const)('the file of %s has exactly the size that is foretold', async (dtype) => {
  for (const [index, output] of [{ dtype }, { dtype, rank: 3 }, { dtype, rank: 'sum', padTo: 'vllm' }].entries()) {
    const job = jobOf(both({ output }))
    const file = join(pool.folder, `size-${dtype}-${index}.safetensors`)
    const { bytesWritten, rank } = await engine.merge(job, file)
    expect([statSync(file).size, bytesWritten, rank]).toEqual([writtenBytes(job), writtenBytes(job), job.output.rank])
  }
})

test('an inspection finds the norms that a plain recomputation finds', async () => {
  const { paths, modules } = pool.get('id-a')!
  const updates = readPeftAdapter(paths[0]!)
  const found = await engine.inspect({
    weightsFile: join(paths[0]!, 'adapter_model.safetensors'),
    modules: modules.map(({ name, tensorA, tensorB, rank, scaling }) => ({ name, a: tensorA, b: tensorB, rank, scaling })),
  })
  expect(found.finite).toBe(true)
  expect(found.firstNonFinite).toBeNull()
  for (const module of found.modules) expect(module.norm! / norm(updates.get(module.name)!.delta)).toBeCloseTo(1, 6)
})

test('a comparison gives the inner products of the dense updates, and is cancelled by its signal', async () => {
  const sources = ['id-a', 'id-b'].map((id) => {
    const { paths, modules } = pool.get(id)!
    const factors = modules.map(({ name, tensorA, tensorB, rank, scaling, in: input, out }) => ({
      ...{ name, a: tensorA, b: tensorB, rank, scaling, in: input, out },
    }))
    return { weightsFile: join(paths[0]!, 'adapter_model.safetensors'), modules: factors }
  })
  const updates = sources.map(({ weightsFile }) => readPeftAdapter(weightsFile.slice(0, weightsFile.lastIndexOf('/'))))
  const inner = (one: number, other: number) =>
    [...updates[one]!].reduce((sum, [name, { delta }]) => {
      const values = updates[other]!.get(name)?.delta
      return values ? sum + delta.reduce((part, value, i) => part + value * values[i]!, 0) : sum
    }, 0)
  const { gram } = await engine.compare({ left: sources, right: null })
  for (const one of [0, 1])
    for (const other of [0, 1]) expect(gram[one]![other]! / Math.sqrt(inner(one, one) * inner(other, other))).toBeCloseTo(inner(one, other) / Math.sqrt(inner(one, one) * inner(other, other)), 6) // prettier-ignore
  expect((await engine.compare({ left: [sources[0]!], right: [sources[1]!] })).gram).toEqual([[expect.closeTo(gram[0]![1]!, 6)]])
  const stop = new AbortController()
  stop.abort()
  const { problems } = await refusalOf(engine.compare({ left: sources, right: null }, { signal: stop.signal }))
  expect(problems).toMatchObject([{ code: 'cancelled' }])
})

test('a value that is not finite is found in a file and refused in a merge, with its tensor', async () => {
  const row = pool.add('nan', {
    edit: (tensors) => {
      const name = 'base_model.model.model.layers.1.mlp.up_proj.lora_B.weight'
      const tensor = tensors.get(name)!
      tensors.set(name, { ...tensor, data: Float32Array.from(tensor.data, (value, i) => (i === 5 ? NaN : value)) })
    },
  })
  const found = await engine.inspect({ weightsFile: join(row.paths[0]!, 'adapter_model.safetensors'), modules: [] })
  expect(found).toMatchObject({ finite: false, firstNonFinite: { index: 5, value: 'nan' } })
  const file = join(pool.folder, 'nan.safetensors')
  const { problems } = await refusalOf(engine.merge(jobOf({ method: 'concat', adapters: [{ adapter: 'nan' }] }), file))
  expect(problems).toMatchObject([{ code: 'not-finite', where: { tensor: 'base_model.model.model.layers.1.mlp.up_proj.lora_B.weight' } }])
  expect(existsSync(file)).toBe(false)
})

test('a source that is not there is refused with its path', async () => {
  const job = jobOf(both())
  const gone = { ...job, adapters: [job.adapters[0]!, { ...job.adapters[1]!, weightsFile: join(pool.folder, 'nowhere.safetensors') }] }
  const { problems } = await refusalOf(engine.merge(gone, join(pool.folder, 'gone.safetensors')))
  expect(problems).toMatchObject([{ code: 'file-unreadable', where: { path: join(pool.folder, 'nowhere.safetensors') } }])
})

test('a preview has the same figures as the merge, and the inner products of the sources', async () => {
  const job = jobOf(both({ output: { rank: 3 } }))
  const merged = await engine.merge(job, join(pool.folder, 'preview.safetensors'))
  const previewed = await engine.preview(job, 2 ** 26)
  expect(previewed).toMatchObject({ exact: true, modulesUsed: 14, modulesTotal: 14 })
  const figures = new Map(previewed.modules.map((module) => [module.name, module]))
  for (const { name, norm: size, discardedEnergy } of merged.modules) {
    expect(figures.get(name)!.norm).toBeCloseTo(size, 6)
    expect(figures.get(name)!.discardedEnergy).toBeCloseTo(discardedEnergy, 6)
  }
  const [ofA, ofB] = ['a', 'b'].map((name) => readPeftAdapter(pool.get(`id-${name}`)!.paths[0]!))
  const product = [...ofB!].reduce(
    (sum, [name, { delta }]) => sum + delta.reduce((inner, value, i) => inner + value * ofA!.get(name)!.delta[i]!, 0),
    0,
  )
  expect(previewed.gram[0]![1]).toBeCloseTo(product, 4)
  expect(normsOf(previewed.gram)[0]).toBeCloseTo(Math.hypot(...[...ofA!.values()].map(({ delta }) => norm(delta))), 4)
})

test('kept energy of a preview is that of the written update', async () => {
  const recipe = both({ output: { rank: 3 } })
  const previewer = createPreviewer({ engine, source: pool, context: { device: 'cpu' } })
  const { estimate, problems } = await previewer.preview(recipe)
  expect(problems).toEqual([])
  const whole = await engine.merge(jobOf(both({ output: { rank: 'sum' } })), join(pool.folder, 'whole.safetensors'))
  const cut = await engine.merge(jobOf(recipe), join(pool.folder, 'cut.safetensors'))
  const squares = whole.modules.reduce((sum, module) => sum + module.norm ** 2, 0)
  expect(estimate!.keptEnergy).toBeCloseTo(keptEnergy(cut.modules), 9)
  expect(estimate!.mergedNorm ** 2 / squares).toBeCloseTo(estimate!.keptEnergy, 6)
  expect(estimate!.keptEnergy).toBeGreaterThan(0.3)
  expect(estimate!.keptEnergy).toBeLessThan(0.999)
  expect(estimate!.sizeBytes).toBe(statSync(join(pool.folder, 'cut.safetensors')).size)
})

test('a sample is read where the sources are too large, and it is said', async () => {
  const previewed = await engine.preview(jobOf(both()), 4000)
  expect(previewed.exact).toBe(false)
  expect(previewed.modulesUsed).toBeGreaterThan(0)
  expect(previewed.modulesUsed).toBeLessThan(14)
  expect(previewed.modules).toHaveLength(previewed.modulesUsed)
})

test('progress comes in stages with fractions from 0 to 1', async () => {
  const seen: { stage: string; fraction: number }[] = []
  await engine.merge(jobOf(both()), join(pool.folder, 'progress.safetensors'), { onProgress: (progress) => seen.push(progress) })
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.every(({ fraction }) => fraction >= 0 && fraction <= 1)).toBe(true)
  expect(seen.every(({ stage }) => stage !== '')).toBe(true)
})

test('equal copies of a wide adapter merge to it at any rank', async () => {
  pool.add('wide', { r: 64, layers: 1, shape: { hidden: 512, intermediate: 1024, keyValue: 256 }, seed: 1 })
  const half = (adapters: string[], rank: number): RecipeInput => ({
    method: 'linear',
    adapters: adapters.map((adapter) => ({ adapter, coefficient: 1 / adapters.length })),
    output: { rank },
  })
  const one = await engine.merge(jobOf(half(['wide'], 32)), join(pool.folder, 'one.safetensors'))
  const four = await engine.merge(jobOf(half(['wide', 'wide', 'wide', 'wide'], 32)), join(pool.folder, 'four.safetensors'))
  for (const [index, module] of four.modules.entries()) expect(module.norm / one.modules[index]!.norm).toBeCloseTo(1, 6)
})

test('a running merge stops within 200 ms and leaves no file', async () => {
  for (const seed of [1, 2, 3])
    pool.add(`big-${seed}`, { r: 64, layers: 8, shape: { hidden: 512, intermediate: 1024, keyValue: 256 }, seed })
  const job = jobOf({ method: 'linear', adapters: [1, 2, 1, 2].map((seed) => ({ adapter: `big-${seed}` })), output: { rank: 32 } })
  const folder = join(pool.folder, 'big-1')
  const before = readdirSync(folder)
  const stop = new AbortController()
  let asked = 0
  const merging = engine.merge(job, join(folder, 'out.safetensors'), {
    signal: stop.signal,
    onProgress: () => {
      if (asked === 0) asked = performance.now()
      stop.abort()
    },
  })
  const { problems } = await refusalOf(merging)
  expect(problems[0]?.code).toBe('cancelled')
  expect(performance.now() - asked).toBeLessThan(200)
  expect(readdirSync(folder)).toEqual(before)
})
