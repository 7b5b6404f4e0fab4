import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AdapterFacts } from '../../../src-main/library/adapter-facts.ts'
import { readAdapter } from '../../../src-main/library/read-adapter.ts'
import { factorName, makeAdapter, moduleName, type TestTensor, type TinyAdapter } from '../../helpers/adapters.ts'
import { codes, temporaryFolder } from './support.ts'

const read = (options: TinyAdapter = {}): AdapterFacts => readAdapter(makeAdapter(join(temporaryFolder(), 'tiny'), options))
const tensor = (shape: number[], dtype: TestTensor['dtype'] = 'F32'): TestTensor => ({
  dtype,
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5),
})

describe('variants', () => {
  const q = moduleName(0, 'q_proj')
  test.each<[string, Record<string, unknown>, string]>([
    ['use_dora', { use_dora: true }, 'dora'],
    ['lora_bias', { lora_bias: true }, 'lora-bias'],
    ['PiSSA', { init_lora_weights: 'pissa_niter_16' }, 'changed-base'],
    ['OLoRA', { init_lora_weights: 'olora' }, 'changed-base'],
    ['CorDA', { init_lora_weights: 'corda' }, 'changed-base'],
    ['LoRA-GA', { init_lora_weights: 'lora_ga' }, 'changed-base'],
    ['LoftQ', { init_lora_weights: 'loftq' }, 'changed-base'],
    ['layer replication', { layer_replication: [[0, 1]] }, 'changed-base'],
    ['QA-LoRA', { use_qalora: true }, 'not-static'],
    ['BD-LoRA', { use_bdlora: {}, alora_invocation_tokens: [1] }, 'not-static'],
    ['Arrow', { arrow_config: { top_k: 1 } }, 'not-static'],
    ['KaSA', { kasa_config: { beta: 1 } }, 'not-static'],
  ])('by config: %s', (_, config, variant) => {
    // prettier-ignore
    const facts = read({ config })
    expect(facts.variant).toBe(variant)
    expect(facts.problems).toMatchObject([{ code: 'variant-not-plain', severity: 'warning' }])
  })

  test.each<[string, Record<string, unknown>]>([
    ['a Gaussian start', { init_lora_weights: 'gaussian' }],
    ['EVA, which does not change the base', { init_lora_weights: 'eva' }],
    ['an empty LoftQ config', { loftq_config: {} }],
    ['fan_in_fan_out', { fan_in_fan_out: true }],
    ['switches that are off', { use_qalora: false, arrow_config: null, trainable_token_indices: [] }],
  ])('plain stays %s', (_, config) => {
    expect(read({ config })).toMatchObject({ variant: 'plain', problems: [] })
  })

  test.each<[string, string, string, string]>([
    ['a magnitude vector', `base_model.model.${q}.lora_magnitude_vector`, 'dora', 'magnitude vector of DoRA'],
    ['a bias on B', `base_model.model.${q}.lora_B.bias`, 'lora-bias', 'bias added to B'],
    ['a head saved in full', 'base_model.model.lm_head.weight', 'extras', 'module saved in full (modules_to_save)'],
    ['a bias of the base', `base_model.model.${q}.base_layer.bias`, 'extras', 'copy of a layer of the base model'],
    ['a trained bias', `base_model.model.${q}.bias`, 'extras', 'trained bias of the base model'],
    [
      'token rows',
      'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta',
      'extras',
      'trained rows of the token embeddings',
    ],
    [
      'an unknown tensor',
      `base_model.model.${q}.something.weight`,
      'extras',
      'its name is not one that PEFT knows; loaders pass over it without a word',
    ],
  ])('by tensor: %s', (_, name, variant, reason) => {
    const facts = read({
      config: { modules_to_save: name.includes('lm_head') ? ['lm_head'] : null },
      edit: (tensors) => void tensors.set(name, tensor([16])),
    })
    expect(facts.variant).toBe(variant)
    expect(facts.ignoredTensors).toEqual([{ name, shape: [16], reason }])
    expect(facts.modules).toHaveLength(14)
    expect(codes(facts.problems)).toEqual([variant === 'extras' ? 'tensor-ignored' : 'variant-not-plain'])
  })

  test('stacked experts keep the rank of the config', () => {
    const name = 'model.layers.0.mlp.experts'
    const facts = read({
      r: 4,
      alpha: 8,
      config: { target_parameters: ['mlp.experts.down_proj'], target_modules: [] },
      edit: () => new Map([[factorName(name, 'A'), tensor([12, 16])], [factorName(name, 'B'), tensor([16, 12])]]), // prettier-ignore
    })
    expect(facts.variant).toBe('experts')
    expect(facts.modules).toMatchObject([{ name, rank: 12, scaling: 2 }])
    expect(codes(facts.problems)).toEqual(['variant-not-plain'])
  })

  test('convolutions are listed and not read as matrices', () => {
    const facts = read({
      config: { target_modules: ['conv'] },
      edit: () => new Map([[factorName('conv', 'A'), tensor([4, 3, 3, 3])], [factorName('conv', 'B'), tensor([16, 4, 1, 1])]]), // prettier-ignore
    })
    expect(facts).toMatchObject({ variant: 'other', modules: [] })
    expect(codes(facts.problems)).toEqual(['variant-not-plain'])
  })

  test('a switch of a newer PEFT is said', () => {
    expect(read({ config: { use_superlora: true } }).problems).toMatchObject([
      { code: 'unknown-field', severity: 'warning', where: { field: 'use_superlora' } },
    ])
  })

  test('every other peft_type is refused by name', () => {
    expect(read({ config: { peft_type: 'VERA' } }).problems[0]).toMatchObject({
      code: 'not-a-lora',
      message: expect.stringContaining('"VERA"'),
    })
  })
})

test.each<[string, Record<string, unknown>]>([
  ['base-named', { base_model_name_or_path: null }],
  ['causal-lm', { task_type: 'SEQ_CLS' }],
  ['no-modules-to-save', { modules_to_save: ['lm_head'] }],
  ['no-bias', { bias: 'all' }],
  ['no-variant-switch', { use_dora: true }],
  ['no-variant-switch', { trainable_token_indices: [1] }],
  ['no-variant-switch', { corda_config: { rank: 1 } }],
  ['no-patterns', { alpha_pattern: { q_proj: 8 } }],
])('screen %s fails with %j and no other does', (screen, config) => {
  const { screens } = read({ config })
  expect(Object.entries(screens).filter(([, passed]) => passed === false).map(([id]) => id)).toEqual([screen]) // prettier-ignore
})
