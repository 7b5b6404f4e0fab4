import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AdapterFacts } from '../../../src-main/library/adapter-facts.ts'
import { nameOf, readAdapter } from '../../../src-main/library/read-adapter.ts'
import {
  allTargets,
  factorName,
  makeAdapter,
  moduleName,
  tinyConfig,
  writeConfig,
  type TestTensor,
  type TinyAdapter,
} from '../../helpers/adapters.ts'
import { codes, temporaryFolder } from './support.ts'

const read = (options: TinyAdapter = {}): AdapterFacts => readAdapter(makeAdapter(join(temporaryFolder(), 'tiny'), options))
const moduleOf = (facts: AdapterFacts, name: string) => facts.modules.find((module) => module.name === name)
const tensor = (shape: number[], dtype: TestTensor['dtype'] = 'F32'): TestTensor => ({
  dtype,
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5),
})

describe('a plain adapter', () => {
  test('is read whole', () => {
    const facts = read({ r: 4, alpha: 8, layers: 2, dtype: 'BF16' })
    expect(facts).toMatchObject({
      name: 'tiny',
      baseModelName: 'test/tiny-llama',
      variant: 'plain',
      useRslora: false,
      problems: [],
      ignoredTensors: [],
    })
    expect(facts.modules).toHaveLength(14)
    expect(moduleOf(facts, 'model.layers.1.mlp.down_proj')).toEqual({
      name: 'model.layers.1.mlp.down_proj',
      layer: 1,
      moduleKind: 'down_proj',
      in: 24,
      out: 16,
      rank: 4,
      alpha: 8,
      scaling: 2,
      dtype: 'bfloat16',
      tensorA: 'base_model.model.model.layers.1.mlp.down_proj.lora_A.weight',
      tensorB: 'base_model.model.model.layers.1.mlp.down_proj.lora_B.weight',
      norm: null,
    })
  })

  test('has its layers in the order of their numbers', () => {
    const layers = read({ layers: 12, targets: ['q_proj'], edit: (tensors) => new Map([...tensors].sort()) }).modules.map(
      (module) => module.layer,
    )
    expect(layers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test.each([
    ['F32', 'float32'],
    ['F16', 'float16'],
    ['BF16', 'bfloat16'],
  ] as const)('of type %s is read as %s', (dtype, name) => {
    // prettier-ignore
    expect(new Set(read({ dtype }).modules.map((module) => module.dtype))).toEqual(new Set([name]))
  })

  test('passes every screen that headers decide, and leaves the others open', () => {
    const { finite, 'norm-in-range': norm, ...rest } = read().screens
    expect({ finite, norm }).toEqual({ finite: null, norm: null })
    expect(Object.values(rest)).toEqual(Array.from({ length: 9 }, () => true))
  })
})

describe('scaling', () => {
  test('is alpha over rank, or alpha over its root with rsLoRA', () => {
    expect(read({ r: 4, alpha: 6 }).modules[0]?.scaling).toBe(1.5)
    const facts = read({ r: 4, alpha: 6, config: { use_rslora: true } })
    expect(facts.modules[0]?.scaling).toBe(3)
    expect(facts.useRslora).toBe(true)
  })

  test('a pattern that changes the rank only changes the scaling too, and the maps are independent', () => {
    const facts = read({
      r: 4,
      alpha: 8,
      ranks: { q_proj: 2, down_proj: 2 },
      config: { rank_pattern: { q_proj: 2, down_proj: 2 }, alpha_pattern: { q_proj: 3 } },
    })
    expect(moduleOf(facts, moduleName(0, 'q_proj'))).toMatchObject({ rank: 2, alpha: 3, scaling: 1.5 })
    expect(moduleOf(facts, moduleName(0, 'down_proj'))).toMatchObject({ rank: 2, alpha: 8, scaling: 4 })
    expect(moduleOf(facts, moduleName(0, 'v_proj'))).toMatchObject({ rank: 4, alpha: 8, scaling: 2 })
    expect(facts.problems).toEqual([])
    expect(facts.screens['no-patterns']).toBe(false)
  })

  test('rank patterns and rsLoRA together', () => {
    const facts = read({ r: 16, alpha: 8, ranks: { q_proj: 4 }, config: { use_rslora: true, rank_pattern: { q_proj: 4 } } })
    expect(moduleOf(facts, moduleName(0, 'q_proj'))?.scaling).toBe(4)
    expect(moduleOf(facts, moduleName(0, 'v_proj'))?.scaling).toBe(2)
  })

  test('the first entry in file order wins, and two that differ are said (the precedence trap)', () => {
    const patterns = { 'layers.1.self_attn.q_proj': 16, '.*q_proj': 4 }
    const trained = read({ config: { alpha_pattern: patterns } })
    expect(moduleOf(trained, moduleName(1, 'q_proj'))?.alpha).toBe(16)
    expect(moduleOf(trained, moduleName(0, 'q_proj'))?.alpha).toBe(4)
    // PEFT sorts keys when it saves: the same two entries come back the other way round.
    const saved = read({ config: { alpha_pattern: Object.fromEntries(Object.entries(patterns).sort()) } })
    expect(moduleOf(saved, moduleName(1, 'q_proj'))?.alpha).toBe(4)
    for (const facts of [trained, saved]) {
      expect(facts.problems).toMatchObject([{ code: 'pattern-ambiguous', severity: 'warning', where: { field: 'alpha_pattern' } }])
      expect(facts.problems[0]?.message).toContain('model.layers.1.self_attn.q_proj')
    }
  })

  test('two entries of one value are not ambiguous', () => {
    expect(read({ config: { alpha_pattern: { q_proj: 4, '.*q_proj': 4 } } }).problems).toEqual([])
  })

  test('an entry that matches nothing is said', () => {
    expect(read({ config: { rank_pattern: { in0: 4 } } }).problems).toMatchObject([
      { code: 'pattern-unmatched', severity: 'warning', message: expect.stringContaining('"in0"') },
    ])
  })

  test('a pattern that cannot be read safely refuses the adapter, because the scaling would be a guess', () => {
    expect(read({ config: { alpha_pattern: { '(?=q)q_proj': 4 } } }).problems).toMatchObject([
      { code: 'config-invalid', severity: 'error', where: { field: 'alpha_pattern' } },
    ])
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`(a|.)*(b|.)*(c|.)*(d|.)*x${i}`, 4]))
    const slow = read({ layers: 32, config: { rank_pattern: many } })
    expect(slow.problems[0]).toMatchObject({ code: 'config-invalid', message: expect.stringContaining('takes too long') })
  })
})

describe('ranks', () => {
  test('of file and config that differ refuse the adapter, with one module named and the others counted', () => {
    const { problems } = read({ r: 4, config: { r: 2 } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ code: 'rank-mismatch', severity: 'error', where: { field: 'r', value: '2' } })
    expect(problems[0]?.message).toBe(
      'The config gives model.layers.0.self_attn.q_proj rank 2, but its factors in the file have rank 4. The same holds for 13 more modules.',
    )
  })
  test('a config without r means 8', () => {
    expect(codes(read({ r: 4, config: { r: undefined } }).problems)).toEqual(['rank-mismatch'])
    expect(read({ r: 8, config: { r: undefined } }).problems).toEqual([])
  })
  test('above 4096 are refused', () => {
    const facts = read({ targets: ['q_proj'], layers: 1, r: 4097, shape: { hidden: 2, intermediate: 2, keyValue: 2 }, config: { r: 4096 } })
    expect(codes(facts.problems)).toContain('rank-out-of-range')
  })
})

describe('factors', () => {
  const q = moduleName(0, 'q_proj')
  test.each([
    ['A', 'B'],
    ['B', 'A'],
  ] as const)('a missing lora_%s is said with the module and the name that was expected', (missing, present) => {
    // prettier-ignore
    const facts = read({ edit: (tensors) => void tensors.delete(factorName(q, missing)) })
    expect(facts.problems).toMatchObject([{ code: 'tensor-missing', severity: 'error', where: { tensor: factorName(q, missing) } }])
    expect(facts.problems[0]?.message).toBe(`lora_${missing} of ${q} is missing: the file lists lora_${present} only.`)
    expect(facts.screens['factors-paired']).toBe(false)
  })

  test.each<[string, number[], number[], string]>([
    ['ranks that differ', [4, 16], [16, 3], 'shape-mismatch'],
    ['a vector', [64], [16, 4], 'shape-mismatch'],
    ['three dimensions', [4, 4, 4], [16, 4], 'shape-mismatch'],
    ['no rows', [0, 16], [16, 0], 'shape-mismatch'],
  ])('with %s are refused', (_, a, b, code) => {
    const facts = read({
      edit: (tensors) => {
        tensors.set(factorName(q, 'A'), tensor(a))
        tensors.set(factorName(q, 'B'), tensor(b))
      },
    })
    expect(codes(facts.problems)).toEqual([code])
    expect(facts.problems[0]?.message).toContain(q)
  })

  test('of a type that is not read are refused, with what is', () => {
    const facts = read({ edit: (tensors) => void tensors.set(factorName(q, 'A'), tensor([4, 16], 'F64')) })
    expect(facts.problems).toMatchObject([{ code: 'unknown-dtype', message: expect.stringContaining('F64') }])
  })

  test('of mixed types inside one module are float32', () => {
    const facts = read({ edit: (tensors) => void tensors.set(factorName(q, 'A'), tensor([4, 16], 'BF16')) })
    expect(moduleOf(facts, q)?.dtype).toBe('float32')
  })

  test('may be named without the prefix, with the name of the adapter, or as embeddings', () => {
    const facts = read({
      targets: ['q_proj'],
      layers: 1,
      config: { target_modules: ['q_proj', 'embed_tokens'] },
      edit: () =>
        new Map([
          ['model.layers.0.self_attn.q_proj.lora_A.default.weight', tensor([4, 16])],
          ['model.layers.0.self_attn.q_proj.lora_B.default.weight', tensor([16, 4])],
          ['base_model.model.model.embed_tokens.lora_embedding_A', tensor([4, 100])],
          ['base_model.model.model.embed_tokens.lora_embedding_B', tensor([16, 4])],
        ]),
    })
    expect(facts.problems).toEqual([])
    expect(
      facts.modules.map(({ name, layer, moduleKind, in: input, out, tensorA }) => ({ name, layer, moduleKind, input, out, tensorA })),
    ).toEqual([
      {
        ...{ name: 'model.layers.0.self_attn.q_proj', layer: 0, moduleKind: 'q_proj', input: 16, out: 16 },
        tensorA: 'model.layers.0.self_attn.q_proj.lora_A.default.weight',
      },
      {
        ...{ name: 'model.embed_tokens', layer: null, moduleKind: 'embed_tokens', input: 100, out: 16 },
        tensorA: 'base_model.model.model.embed_tokens.lora_embedding_A',
      },
    ])
  })

  test('spelt twice for one module are refused', () => {
    const facts = read({ edit: (tensors) => void tensors.set(`${q}.lora_A.weight`, tensor([4, 16])) })
    expect(codes(facts.problems)).toEqual(['header-duplicate-key'])
  })

  test('that are none at all are no LoRA; kohya names get a hint', () => {
    const none = read({ edit: () => new Map([['base_model.model.lm_head.weight', tensor([4, 4])]]) })
    expect(none).toMatchObject({ variant: 'other', problems: [{ code: 'not-a-lora' }, { code: 'tensor-ignored' }] })
    const kohya = read({ edit: () => new Map([['lora_unet_mid.lora_down.weight', tensor([4, 4])], ['lora_unet_mid.lora_up.weight', tensor([4, 4])]]) }) // prettier-ignore
    expect(kohya.problems[0]).toMatchObject({ code: 'not-a-lora', hint: expect.stringContaining('kohya') })
  })
})

describe('shapes', () => {
  test('that disagree inside a layer are said', () => {
    const facts = read({ edit: (tensors) => void tensors.set(factorName(moduleName(1, 'q_proj'), 'A'), tensor([4, 20])) })
    expect(facts.problems).toMatchObject([
      { code: 'shapes-inconsistent', severity: 'warning', where: { tensor: factorName(moduleName(1, 'q_proj'), 'A'), value: '20' } },
    ])
  })
  test('of what a layer writes count as well as of what it reads', () => {
    const facts = read({ edit: (tensors) => void tensors.set(factorName(moduleName(0, 'down_proj'), 'B'), tensor([20, 4])) })
    expect(codes(facts.problems)).toEqual(['shapes-inconsistent'])
  })
  test('of another stack, such as a vision tower, are its own', () => {
    const facts = read({
      edit: (tensors) => {
        tensors.set('base_model.model.vision.layers.0.q_proj.lora_A.weight', tensor([4, 32]))
        tensors.set('base_model.model.vision.layers.0.q_proj.lora_B.weight', tensor([32, 4]))
      },
    })
    expect(facts.problems).toEqual([])
  })
})

describe('targets', () => {
  test('that the file does not hold, and modules that are not named, are said', () => {
    const facts = read({ targets: ['q_proj', 'v_proj'], config: { target_modules: ['q_proj', 'k_proj'] } })
    expect(facts.problems).toMatchObject([{ code: 'targets-disagree', severity: 'warning' }])
    expect(facts.problems[0]?.message).toBe(
      'target_modules names "k_proj", which the file does not hold; the file holds "v_proj", which target_modules does not name.',
    )
  })
  test.each<[string, unknown]>([
    ['all-linear', 'all-linear'],
    ['nothing', null],
    ['whole names', ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj']],
    ['a suffix of two parts', ['self_attn.q_proj']],
    ['a pattern', '.*\\.(q|v)_proj'],
  ])('given as %s agree', (_, targets) => {
    expect(read({ targets: ['q_proj'], config: { target_modules: targets } }).problems).toEqual([])
  })
  test('a suffix counts after a dot only', () => {
    expect(codes(read({ targets: ['q_proj'], config: { target_modules: ['_proj'] } }).problems)).toEqual(['targets-disagree'])
  })
  test('given as a pattern that does not match, or is not read, are said', () => {
    expect(codes(read({ targets: ['q_proj'], config: { target_modules: 'q_proj' } }).problems)).toEqual(['targets-disagree'])
    const unread = read({ targets: ['q_proj'], config: { target_modules: '^(?!.*vision).*q_proj$' } })
    expect(unread.problems).toMatchObject([
      { code: 'targets-disagree', severity: 'warning', message: expect.stringContaining('not compared') },
    ])
  })
})

describe('files', () => {
  test('a missing config, missing weights and pickles are told apart', () => {
    const folder = makeAdapter(join(temporaryFolder(), 'x'))
    const weights = join(folder, 'adapter_model.safetensors')
    rmSync(join(folder, 'adapter_config.json'))
    expect(readAdapter(folder).problems).toMatchObject([{ code: 'config-missing' }])
    writeConfig(folder, tinyConfig())
    renameSync(weights, join(folder, 'other.safetensors'))
    expect(readAdapter(folder).problems).toMatchObject([{ code: 'weights-missing', message: expect.stringContaining('other.safetensors') }])
    writeFileSync(join(folder, 'adapter_model.bin'), 'PK')
    expect(readAdapter(folder)).toMatchObject({
      problems: [{ code: 'pickle-not-opened', where: { path: join(folder, 'adapter_model.bin') } }],
      screens: { 'safetensors-weights': false },
      weightsPath: null,
    })
    mkdirSync(weights)
    expect(codes(readAdapter(folder).problems)).toEqual(['file-unreadable'])
  })

  test('a broken config and a broken file are both said, each with its path', () => {
    const folder = makeAdapter(join(temporaryFolder(), 'x'))
    writeFileSync(join(folder, 'adapter_config.json'), '{')
    writeFileSync(join(folder, 'adapter_model.safetensors'), 'short')
    expect(readAdapter(folder).problems).toMatchObject([
      { code: 'config-not-json', where: { path: join(folder, 'adapter_config.json') } },
      { code: 'file-too-small', where: { path: join(folder, 'adapter_model.safetensors') } },
    ])
  })

  test('a config of more than 4 MB is not read', () => {
    const folder = makeAdapter(join(temporaryFolder(), 'x'))
    writeFileSync(join(folder, 'adapter_config.json'), ' '.repeat(4_000_001))
    expect(readAdapter(folder).problems).toMatchObject([{ code: 'config-invalid', message: expect.stringContaining('4000001 bytes') }])
  })

  test('every target kind is found', () => {
    expect([...new Set(read().modules.map((module) => module.moduleKind))].sort()).toEqual([...allTargets].sort())
  })
})

describe('the model card', () => {
  test.each<[string, string | null, string | null]>([
    ['---\nlicense: apache-2.0\nbase_model: org/model\n---\ntext', 'apache-2.0', 'org/model'],
    ['---\r\nlicense: "mit"\r\nbase_model:\r\n- org/one\r\n- org/two\r\n---', 'mit', 'org/one'],
    ["---\nbase_model: ['org/a', 'org/b']\n---", null, 'org/a'],
    ['no front matter\nlicense: mit', null, null],
    ['---\nlicense:\ntags: [a]\n---', null, null],
  ])('%j gives licence %s and base model %s', (card, licence, base) => {
    expect(read({ card, config: { base_model_name_or_path: null } })).toMatchObject({ licence, baseModelName: base })
  })
  test("does not speak against the config's base model", () => {
    expect(read({ card: '---\nbase_model: other\n---' }).baseModelName).toBe('test/tiny-llama')
  })
})

test.each([
  ['/pool/sentiment-r16', 'sentiment-r16'],
  ['/runs/rude/checkpoint-500', 'rude/checkpoint-500'],
  ['/hub/models--org--my-lora/snapshots/0123abcd', 'org/my-lora'],
  ['/hub/models--org--my-lora/snapshots/0123abcd/sub', 'org/my-lora/sub'],
])('%s is called %s', (folder, name) => {
  expect(nameOf(folder)).toBe(name)
})
