import { expect, test } from 'vitest'
import { parsePeftConfig } from '../../../src-main/library/peft-config.ts'
import { tinyConfig } from '../../helpers/adapters.ts'

const parse = (config: unknown) => parsePeftConfig(Buffer.from(typeof config === 'string' ? config : JSON.stringify(config)))

test('reads the fields that decide about the update', () => {
  const { config, problems } = parse(
    tinyConfig({ r: 8, alpha: 12.5, config: { use_rslora: true, rank_pattern: { z: 4, a: 2 }, alpha_pattern: { q: 3 } } }),
  )
  expect(problems).toEqual([])
  expect(config).toMatchObject({ rank: 8, alpha: 12.5, useRslora: true, baseModelName: 'test/tiny-llama' })
  // In file order, not sorted: the first match wins.
  expect(config?.rankPattern).toEqual([['z', 4], ['a', 2]]) // prettier-ignore
  expect(config?.alphaPattern).toEqual([['q', 3]])
})

test("missing and null fields take PEFT's defaults", () => {
  const { config, problems } = parse({ peft_type: 'LORA', rank_pattern: null, lora_alpha: null })
  expect(problems).toEqual([])
  expect(config).toMatchObject({
    rank: 8,
    alpha: 8,
    rankPattern: [],
    alphaPattern: [],
    useRslora: false,
    baseModelName: null,
    targetModules: null,
  })
})

test('a base model name is trimmed, and an empty one is none', () => {
  expect(parse(tinyConfig({ config: { base_model_name_or_path: '  org/model ' } })).config?.baseModelName).toBe('org/model')
  expect(parse(tinyConfig({ config: { base_model_name_or_path: '  ' } })).config?.baseModelName).toBeNull()
})

test.each<[string, unknown, string, string | undefined]>([
  ['no JSON', '{ r: 16,', 'config-not-json', undefined],
  ['NaN, as Python writes it', '{"peft_type":"LORA","lora_alpha":NaN}', 'config-not-json', undefined],
  ['a list', [], 'config-invalid', undefined],
  ['a text', '"LORA"', 'config-invalid', undefined],
  ['deep nesting', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'config-invalid', undefined],
  ['no peft_type', { r: 4 }, 'config-invalid', 'peft_type'],
  ['another peft_type', { peft_type: 'LOHA' }, 'not-a-lora', 'peft_type'],
  ['lower case, which PEFT does not write', { peft_type: 'lora' }, 'not-a-lora', 'peft_type'],
  ['rank 0', { peft_type: 'LORA', r: 0 }, 'rank-out-of-range', 'r'],
  ['rank 4097', { peft_type: 'LORA', r: 4097 }, 'rank-out-of-range', 'r'],
  ['half a rank', { peft_type: 'LORA', r: 4.5 }, 'rank-out-of-range', 'r'],
  ['a rank in words', { peft_type: 'LORA', r: '8' }, 'rank-out-of-range', 'r'],
  ['alpha 0', { peft_type: 'LORA', lora_alpha: 0 }, 'alpha-invalid', 'lora_alpha'],
  ['alpha below 0', { peft_type: 'LORA', lora_alpha: -8 }, 'alpha-invalid', 'lora_alpha'],
  ['alpha beyond all numbers', '{"peft_type":"LORA","lora_alpha":1e999}', 'config-invalid', undefined],
  ['a pattern that is a list', { peft_type: 'LORA', rank_pattern: [] }, 'config-invalid', 'rank_pattern'],
  ['a rank pattern with rank 0', { peft_type: 'LORA', rank_pattern: { q: 0 } }, 'rank-out-of-range', 'rank_pattern.q'],
  ['an alpha pattern with a text', { peft_type: 'LORA', alpha_pattern: { q: '1' } }, 'alpha-invalid', 'alpha_pattern.q'],
  ['rsLoRA as a number', { peft_type: 'LORA', use_rslora: 1 }, 'config-invalid', 'use_rslora'],
  ['a base model that is a number', { peft_type: 'LORA', base_model_name_or_path: 7 }, 'config-invalid', 'base_model_name_or_path'],
  ['targets that are numbers', { peft_type: 'LORA', target_modules: [1] }, 'config-invalid', 'target_modules'],
])('refuses %s', (_, config, code, field) => {
  const { problems } = parse(config)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({ code, severity: 'error' })
  expect(problems[0]?.where?.field).toBe(field)
})

test('says everything that is wrong at once', () => {
  expect(parse({ peft_type: 'IA3', r: 0, lora_alpha: 'x' }).problems.map((problem) => problem.code)).toEqual([
    'not-a-lora',
    'rank-out-of-range',
    'alpha-invalid',
  ])
})

test('bytes that are no UTF-8 are no JSON', () => {
  expect(parsePeftConfig(Buffer.from([0x7b, 0xff, 0x7d]))).toMatchObject({ config: null, problems: [{ code: 'config-not-json' }] })
})

test('the config in canonical form depends on neither the order of keys nor spaces', () => {
  const one = parse('{"peft_type": "LORA",\n "r": 4, "x": {"b": [1, 2], "a": null}}').config?.canonical
  expect(one).toBe('{"peft_type":"LORA","r":4,"x":{"a":null,"b":[1,2]}}')
  expect(parse('{"x":{"a":null,"b":[1,2]},"r":4,"peft_type":"LORA"}').config?.canonical).toBe(one)
})
