import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { methodIds } from '../../../src-main/contract/methods.ts'
import { resolveDraft } from '../../../src-main/recipes/resolve-recipe.ts'
import { makePool, type Pool } from './pool.ts'

let pool: Pool
beforeAll(() => {
  pool = makePool()
  pool.add('a', { r: 4, alpha: 8, seed: 1 })
  pool.add('b', { r: 6, alpha: 6, seed: 2, targets: ['q_proj', 'v_proj'], layers: 1, config: { base_model_name_or_path: 'test/other' } })
  pool.add('c', { r: 4, alpha: 8, seed: 3, config: { use_rslora: true } })
  pool.add('wide', { shape: { hidden: 32, intermediate: 24, keyValue: 8 } })
})
afterAll(() => pool.close())

const resolve = (draft: unknown) => resolveDraft(draft, pool, { device: 'cpu', relativeTo: pool.folder })
const codes = (draft: unknown) => resolve(draft).problems.map((problem) => `${problem.severity} ${problem.code}`)
const two = (more: object = {}) => ({ method: 'linear', adapters: [{ adapter: 'a' }, { adapter: 'c', coefficient: -0.5 }], ...more })

test('a resolved job holds every default, path, hash, shape and scaling', () => {
  const { job, problems } = resolve({ method: 'linear', adapters: [{ adapter: './a', coefficient: 0.7 }, { adapter: 'id-b' }] })
  expect(problems.map((problem) => problem.code)).toEqual(['base-models-differ'])
  expect(job).toMatchObject({
    schema: 1,
    kind: 'merge',
    method: 'linear',
    params: {},
    output: { dtype: 'float32', rank: 6 },
    seed: 1,
    device: 'cpu',
    adapters: [
      { id: 'id-a', name: 'a', weightsFile: join(pool.folder, 'a', 'adapter_model.safetensors'), params: {} },
      { id: 'id-b', name: 'b' },
    ],
  })
  expect(job?.adapters[0]?.contentHash).toMatch(/^[0-9a-f]{64}$/)
  expect(job?.modules).toHaveLength(14)
  expect(job?.modules.find((module) => module.name === 'model.layers.0.self_attn.q_proj')).toEqual({
    name: 'model.layers.0.self_attn.q_proj',
    in: 16,
    out: 16,
    rank: 6,
    outputA: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
    outputB: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    sources: [
      {
        adapter: 0,
        a: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
        b: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
        rank: 4,
        scaling: 2,
        coefficient: 0.7,
      },
      {
        adapter: 1,
        a: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
        b: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
        rank: 6,
        scaling: 1,
        coefficient: 1,
      },
    ],
  })
  // A module that only one adapter has keeps what that one holds.
  expect(job?.modules.find((module) => module.name === 'model.layers.1.mlp.up_proj')).toMatchObject({ rank: 4, sources: [{ adapter: 0 }] })
})

test('modules come by layer and name, adapters as in the recipe, so the same recipe gives the same job', () => {
  const first = resolve(two())
  expect(first.job?.modules.map((module) => module.name)).toEqual([
    ...[0, 1].flatMap((layer) => [
      ...['down_proj', 'gate_proj', 'up_proj'].map((kind) => `model.layers.${layer}.mlp.${kind}`),
      ...['k_proj', 'o_proj', 'q_proj', 'v_proj'].map((kind) => `model.layers.${layer}.self_attn.${kind}`),
    ]),
  ])
  expect(resolve(two()).fingerprint).toBe(first.fingerprint)
  const swapped = resolve({ method: 'linear', adapters: [{ adapter: 'c', coefficient: -0.5 }, { adapter: 'a' }] })
  expect(swapped.job?.adapters.map((adapter) => adapter.id)).toEqual(['id-c', 'id-a'])
  expect(swapped.fingerprint).not.toBe(first.fingerprint)
})

test('rank-stabilised scaling is folded in: alpha over the root of the rank', () => {
  expect(resolve(two()).job?.modules[0]?.sources.map((source) => source.scaling)).toEqual([2, 4])
})

test('coefficient rules reach the modules they name', () => {
  const coefficient = { default: 0.5, rules: [{ modules: 'q_proj', layers: [1, 1], value: 2 }] }
  const { job } = resolve({ method: 'concat', adapters: [{ adapter: 'a', coefficient }] })
  const values = Object.fromEntries((job?.modules ?? []).map((module) => [module.name, module.sources[0]?.coefficient]))
  expect(values['model.layers.1.self_attn.q_proj']).toBe(2)
  expect(values['model.layers.0.self_attn.q_proj']).toBe(0.5)
  expect(values['model.layers.1.self_attn.v_proj']).toBe(0.5)
})

test('all problems of a recipe come at once', () => {
  const draft = {
    method: 'liner',
    adapters: [
      { adapter: 'a', coefficient: { default: 1, rules: [{ layers: [3, 1], value: 2 }] } },
      { adapter: 'nobody' },
      { adapter: 'c', coefficient: NaN },
    ],
    output: { rank: 0, dtype: 'float64' },
    sed: 1,
  }
  expect(codes(draft)).toEqual([
    'error coefficient-invalid',
    'error parameter-invalid',
    'error unknown-field',
    'error unknown-method',
    'error adapter-unknown',
    'error coefficient-invalid',
    'error rank-invalid',
  ])
  expect(resolve(draft)).toMatchObject({ job: null, fingerprint: null, recipe: null })
})

test('an unknown method says what was probably meant', () => {
  expect(resolve(two({ method: 'liner' })).problems).toMatchObject([
    { code: 'unknown-method', where: { field: 'method', value: '"liner"' }, allowed: methodIds },
  ])
  expect(resolve(two({ method: 'liner' })).problems[0]?.hint).toContain('Did you mean "linear"?')
})

test('an adapter that the library does not know is named at its place', () => {
  expect(resolve({ method: 'linear', adapters: [{ adapter: 'a' }, { adapter: './nowhere' }] }).problems).toMatchObject([
    { code: 'adapter-unknown', where: { field: 'adapters[1].adapter', value: '"./nowhere"' } },
  ])
})

test('no adapters are too few', () => {
  expect(resolve({ method: 'linear', adapters: [] }).problems).toMatchObject([
    { code: 'too-few-adapters', where: { field: 'adapters', value: '0' }, allowed: ['at least 1'] },
  ])
})

test('unknown parameters of both levels are refused with their place', () => {
  const draft = { method: 'linear', adapters: [{ adapter: 'a', params: { density: 0.2 } }], params: { k: 3 } }
  expect(resolve(draft).problems).toMatchObject([
    { code: 'unknown-parameter', where: { field: 'params.k' } },
    { code: 'unknown-parameter', where: { field: 'adapters[0].params.density' } },
  ])
})

test('an infinite coefficient and one for a method that takes none are refused', () => {
  expect(codes({ method: 'linear', adapters: [{ adapter: 'a', coefficient: Infinity }] })).toEqual(['error coefficient-invalid'])
  expect(codes('method: linear\nadapters: [{adapter: a, coefficient: -.inf}]')).toEqual(['error coefficient-invalid'])
  expect(resolve({ method: 'average', adapters: [{ adapter: 'a', coefficient: 1 }, { adapter: 'c' }] }).problems).toMatchObject([
    { code: 'coefficient-not-accepted', where: { field: 'adapters[0].coefficient', value: '1' } },
  ])
})

test('the same adapter twice is allowed and said', () => {
  const { job, problems } = resolve({ method: 'linear', adapters: [{ adapter: 'a' }, { adapter: 'a', coefficient: -1 }] })
  expect(problems).toMatchObject([
    { code: 'adapter-repeated', severity: 'warning', where: { field: 'adapters[1].adapter', value: 'id-a' } },
  ])
  expect(job?.modules[0]?.sources.map(({ adapter, coefficient }) => [adapter, coefficient])).toEqual([[0, 1], [1, -1]]) // prettier-ignore
})

test('other shapes of a shared module are refused with module, both shapes and both adapters', () => {
  const { problems } = resolve({ method: 'linear', adapters: [{ adapter: 'a' }, { adapter: 'wide' }] })
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({
    code: 'shape-mismatch',
    severity: 'error',
    where: { field: 'adapters[1].adapter', value: 'id-wide' },
  })
  expect(problems[0]?.message).toBe('model.layers.0.mlp.down_proj is 32 x 24 in wide but 16 x 24 in a, and 13 more modules differ.')
})

test('a method that needs equal ranks names the modules where they differ', () => {
  const { problems, job } = resolve({ method: 'peft_linear', adapters: [{ adapter: 'a' }, { adapter: 'b' }] })
  expect(job).toBeNull()
  expect(problems.filter((problem) => problem.severity === 'error')).toMatchObject([{ code: 'ranks-differ', where: { field: 'method' } }])
  expect(problems.at(-1)?.message).toBe(
    'PEFT linear (factor sums) needs equal ranks, but the rank of model.layers.0.self_attn.q_proj is 4 in a, 6 in b; also model.layers.0.self_attn.v_proj.',
  )
  expect(resolve({ method: 'peft_linear', adapters: [{ adapter: 'a' }, { adapter: 'c' }] }).job?.modules[0]?.rank).toBe(4)
})

test.each([
  ['checking', { status: 'checking' }, 'adapter-not-checked'],
  ['hash still missing', { contentHash: null }, 'adapter-not-checked'],
  ['missing', { status: 'missing' }, 'file-missing'],
  ['refused', { status: 'refused' }, 'adapter-not-mergeable'],
  ['DoRA', { variant: 'dora' }, 'adapter-not-mergeable'],
] as const)('an adapter that is %s is refused by name', (_what, change, code) => {
  pool.add('special', { seed: 9 }, change)
  const { job, problems } = resolve({ method: 'linear', adapters: [{ adapter: 'special' }] })
  expect(job).toBeNull()
  expect(problems).toMatchObject([{ code, severity: 'error', where: { field: 'adapters[0].adapter', value: 'id-special' } }])
  expect(problems[0]?.message).toContain('special')
})

test('the reason of a refusal is repeated, and so is the meaning of a variant', () => {
  const because = { code: 'not-finite', severity: 'error', message: 'q_proj holds NaN at 3.' } as const
  pool.add('nan', { seed: 9 }, { status: 'refused', problems: [because] })
  pool.add('dora', { seed: 9 }, { variant: 'dora' })
  expect(resolve({ method: 'linear', adapters: [{ adapter: 'nan' }] }).problems[0]?.message).toBe(
    'nan cannot be used: q_proj holds NaN at 3.',
  )
  expect(resolve({ method: 'linear', adapters: [{ adapter: 'dora' }] }).problems[0]?.message).toContain('is DoRA, which cannot be merged.')
})

test('a weights file that is gone is a missing file', () => {
  const row = pool.add('gone', { seed: 9 })
  rmSync(join(row.paths[0]!, 'adapter_model.safetensors'))
  expect(codes({ method: 'linear', adapters: [{ adapter: 'gone' }] })).toEqual(['error file-missing'])
})

test('tensors outside the update are left out, and it is said which', () => {
  pool.add('extra', {
    seed: 9,
    config: { modules_to_save: ['lm_head'] },
    edit: (tensors) => void tensors.set('base_model.model.lm_head.weight', { dtype: 'F32', shape: [2, 16], data: new Float32Array(32) }),
  })
  const { job, problems } = resolve({ method: 'concat', adapters: [{ adapter: 'extra' }] })
  expect(job?.modules).toHaveLength(14)
  expect(problems).toMatchObject([{ code: 'extras-left-out', severity: 'warning', where: { tensor: 'base_model.model.lm_head.weight' } }])
})

test('where the config names modules that the file does not hold, nothing is said to be left out', () => {
  pool.add('named-only', { seed: 9, config: { modules_to_save: ['lm_head'] } })
  const { job, problems } = resolve({ method: 'concat', adapters: [{ adapter: 'named-only' }] })
  expect(job?.modules).toHaveLength(14)
  expect(problems.map(({ code }) => code)).not.toContain('extras-left-out')
})

test('a seed beyond exact whole numbers is refused', () => {
  expect(codes(two({ seed: 2 ** 60 }))).toEqual(['error parameter-invalid'])
})
