import { afterAll, describe, expect, test } from 'vitest'
import type { ExportProfile } from '../../../src-main/contract/export-profiles.ts'
import { errorProblem, type ProblemCode } from '../../../src-main/contract/problems.ts'
import { profileFacts } from '../../../src-main/recipes/check-profile-facts.ts'
import { checkProfile } from '../../../src-main/recipes/check-profile.ts'
import type { TestTensors, TinyAdapter } from '../../helpers/adapters.ts'
import { factorName, moduleName } from '../../helpers/adapters.ts'
import { makePool } from './pool.ts'

const pool = makePool()
afterAll(() => pool.close())
let count = 0

/** What a tool says of an adapter: its codes with their severities, in order. */
function say(profile: ExportProfile, options: TinyAdapter = {}): readonly string[] {
  const detail = pool.add(`adapter-${++count}`, options)
  return checkProfile(profileFacts(detail), profile).map(({ severity, code }) => `${severity} ${code}`)
}
function problemOf(profile: ExportProfile, code: ProblemCode, options: TinyAdapter) {
  const detail = pool.add(`adapter-${++count}`, options)
  return checkProfile(profileFacts(detail), profile).find((problem) => problem.code === code)
}

const tensor = (shape: readonly number[]) => ({ dtype: 'F32' as const, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
/** Adds tensors of zeros with these names. */
const withTensors =
  (...names: readonly string[]) =>
  (tensors: TestTensors): void =>
    names.forEach((name) => void tensors.set(name, tensor([16])))
const q = moduleName(0, 'q_proj')
const magnitude = `base_model.model.${q}.lora_magnitude_vector`
const bias = `base_model.model.${q}.base_layer.bias`
const patterns: TinyAdapter = {
  r: 4,
  alpha: 8,
  ranks: { q_proj: 2 },
  config: { rank_pattern: { q_proj: 2 }, alpha_pattern: { 'layers.1.mlp.up_proj': 16 } },
}
/** Rank and alpha per module that keep alpha / rank the same everywhere. */
const evenPatterns: TinyAdapter = {
  r: 4,
  alpha: 8,
  ranks: { q_proj: 2 },
  config: { rank_pattern: { q_proj: 2 }, alpha_pattern: { q_proj: 4 } },
}

test('no tool has anything to say of a plain adapter of a small rank', () => {
  for (const profile of ['peft', 'vllm', 'llamacpp'] as const) expect(say(profile), profile).toEqual([])
})

describe('vLLM', () => {
  test('one scale for all modules: patterns that change it are wrong, those that do not are fine', () => {
    expect(say('vllm', patterns)).toEqual(['error patterns-ignored'])
    expect(say('vllm', evenPatterns)).toEqual([])
    const problem = problemOf('vllm', 'patterns-ignored', patterns)
    // 2 x q_proj at 8/2 = 4, and one up_proj at 16/4 = 4, where vLLM takes 8/4 = 2.
    expect(problem?.message).toContain('by 2 instead of 4')
    expect(problem?.message).toContain('3 of 14 modules')
    expect(problem?.where?.field).toBe('rank_pattern')
  })
  test('rank-stabilised scaling is read', () => expect(say('vllm', { config: { use_rslora: true } })).toEqual([]))
  test('DoRA, modules saved in full and biases are refused', () => {
    const dora = { config: { use_dora: true }, edit: withTensors(magnitude) }
    expect(say('vllm', dora)).toEqual(['error dora-not-read'])
    const head = { config: { modules_to_save: ['lm_head'] }, edit: withTensors('base_model.model.lm_head.weight') }
    expect(say('vllm', head)).toEqual(['error modules-to-save-refused'])
    expect(say('vllm', { config: { bias: 'all' } })).toEqual(['error bias-refused'])
    expect(say('vllm', { config: { lora_bias: true } })).toEqual(['error bias-refused'])
  })
  test('ranks above 16 ask for a larger limit, ranks above 512 are refused', () => {
    expect(say('vllm', { r: 16 })).toEqual([])
    expect(problemOf('vllm', 'rank-above-limit', { r: 24 })).toMatchObject({
      severity: 'warning',
      where: { field: 'r', value: '24' },
      hint: 'Start vLLM with --max-lora-rank 32.',
    })
    const one = { targets: ['q_proj'], layers: 1 }
    expect(say('vllm', { r: 512, ...one })).toEqual(['warning rank-above-limit'])
    expect(problemOf('vllm', 'rank-above-limit', { r: 513, ...one })).toMatchObject({
      severity: 'error',
      allowed: expect.arrayContaining(['512']),
    })
  })
  test('other tensors stop it, copies of base layers only older versions', () => {
    expect(say('vllm', { edit: withTensors('base_model.model.model.norm.weight') })).toEqual(['error extra-tensors-refused'])
    expect(say('vllm', { edit: withTensors('something.else') })).toEqual(['error extra-tensors-refused'])
    expect(say('vllm', { edit: withTensors(`base_model.model.${q}.base_layer.weight`) })).toEqual(['warning extra-tensors-ignored'])
  })
  test('fields that PEFT would fill in are missing', () => {
    expect(problemOf('vllm', 'field-missing', { config: { lora_alpha: undefined } })?.where?.field).toBe('lora_alpha')
  })
})

describe('llama.cpp', () => {
  test('alpha of the config and rank of the factors: other alphas and rank-stabilised scaling are ignored, other ranks are not', () => {
    expect(say('llamacpp', { ranks: { q_proj: 2 }, config: { rank_pattern: { q_proj: 2 } } })).toEqual([])
    expect(problemOf('llamacpp', 'patterns-ignored', patterns)).toMatchObject({ severity: 'error', where: { field: 'alpha_pattern' } })
    expect(problemOf('llamacpp', 'patterns-ignored', patterns)?.message).toContain('1 of 14 modules')
    expect(say('llamacpp', { config: { use_rslora: true } })).toEqual(['error rslora-ignored'])
    // alpha / sqrt(1) is alpha / 1.
    expect(say('llamacpp', { r: 1, config: { use_rslora: true } })).toEqual([])
  })
  test('every other tensor stops the converter, but norms and copies of base layers', () => {
    for (const name of [
      magnitude,
      bias,
      `base_model.model.${q}.bias`,
      'base_model.model.lm_head.weight',
      'base_model.model.model.embed_tokens.weight',
      'x',
    ])
      expect(say('llamacpp', { edit: withTensors(name) }), name).toEqual(['error extra-tensors-refused'])
    expect(say('llamacpp', { edit: withTensors(`base_model.model.${q}.base_layer.weight`) })).toEqual(['warning extra-tensors-ignored'])
    expect(problemOf('llamacpp', 'extra-tensors-ignored', { edit: withTensors('base_model.model.model.norm.weight') })?.message).toContain(
      'norms',
    )
  })
  test('there is no limit to ranks', () => expect(say('llamacpp', { r: 600, targets: ['q_proj'], layers: 1 })).toEqual([]))
  test('lm_head may be tied to the embeddings', () => {
    const head: TinyAdapter = {
      config: { target_modules: ['lm_head'] },
      edit: () => onlyModule('lm_head', 'lora_A.weight', 'lora_B.weight'),
    }
    expect(say('llamacpp', head)).toEqual(['warning tied-head-fails'])
    expect(say('vllm', head)).toEqual(['warning embedding-limits'])
    expect(say('peft', head)).toEqual([])
  })
})

describe('PEFT', () => {
  test('tensors that it does not know pass without a word', () => {
    expect(say('peft', { edit: withTensors('something.else') })).toEqual(['warning extra-tensors-ignored'])
    expect(say('peft', { edit: withTensors(`base_model.model.${q}.base_layer.weight`) })).toEqual([])
  })
  test('a missing factor is a warning there, and an error for the others', () => {
    const lacking: TinyAdapter = { edit: (tensors) => void tensors.delete(factorName(q, 'B')) }
    expect(say('peft', lacking)).toContain('warning tensor-missing')
    expect(say('peft', lacking).filter((line) => line.startsWith('error'))).toEqual([])
    expect(say('vllm', lacking)).toContain('error tensor-missing')
  })
  test('a rank that the file does not have is an error everywhere', () => {
    for (const profile of ['peft', 'vllm', 'llamacpp'] as const)
      expect(say(profile, { r: 4, config: { r: 8 } }), profile).toEqual(['error rank-mismatch'])
  })
  test('modules that target_modules does not name are passed over', () => {
    const partial: TinyAdapter = { config: { target_modules: ['q_proj'] } }
    expect(say('peft', partial)).toEqual(['warning targets-disagree'])
    expect(problemOf('peft', 'targets-disagree', partial)?.hint).toContain('only what target_modules names')
  })
  test('two patterns for one module are said', () => {
    const twice: TinyAdapter = { config: { alpha_pattern: { 'layers.1.*': 16, q_proj: 4 } } }
    expect(say('peft', twice)).toContain('warning pattern-ambiguous')
  })
})

test('a pickle file is read by the tools; only Amalgam does not look into it', () => {
  const detail = pool.add(`adapter-${++count}`)
  const problems = [errorProblem('pickle-not-opened', 'The weights are a pickle file.')]
  for (const profile of ['peft', 'vllm', 'llamacpp'] as const)
    expect(checkProfile({ ...profileFacts(detail), problems }, profile)).toMatchObject([{ code: 'pickle-not-opened', severity: 'warning' }])
})

test('names that no tool knows are errors for all', () => {
  const renamed: TinyAdapter = {
    edit: (tensors) => new Map([...tensors].map(([name, value]) => [name.replace('.weight', '.default.weight'), value])),
  }
  for (const profile of ['peft', 'vllm', 'llamacpp'] as const)
    expect(say(profile, renamed), profile).toEqual(['error tensor-names-unknown'])
})

test('an embedding is loaded by vLLM under conditions, and by the others', () => {
  const embedding: TinyAdapter = {
    config: { target_modules: ['embed_tokens'] },
    edit: () => onlyModule('model.embed_tokens', 'lora_embedding_A', 'lora_embedding_B'),
  }
  expect(say('vllm', embedding)).toEqual(['warning embedding-limits'])
  expect(say('llamacpp', embedding)).toEqual([])
  expect(say('peft', embedding)).toEqual([])
})

test('variants that are no plain LoRA are misread by all but PEFT; llama.cpp knows aLoRA', () => {
  const pissa: TinyAdapter = { config: { init_lora_weights: 'pissa' } }
  expect(say('peft', pissa)).not.toContain('error variant-misread')
  expect(say('vllm', pissa)).toContain('error variant-misread')
  expect(say('llamacpp', pissa)).toContain('error variant-misread')
  const stacked: TinyAdapter = { config: { target_parameters: ['experts.gate_up_proj'] } }
  for (const profile of ['vllm', 'llamacpp'] as const) expect(say(profile, stacked), profile).toEqual(['error variant-misread'])
  const invoked: TinyAdapter = { config: { alora_invocation_tokens: [1, 2] } }
  expect(say('vllm', invoked)).toContain('error variant-misread')
  expect(say('llamacpp', invoked)).not.toContain('error variant-misread')
})

function onlyModule(module: string, a: string, b: string): TestTensors {
  return new Map([
    [`base_model.model.${module}.${a}`, tensor([4, 32])],
    [`base_model.model.${module}.${b}`, tensor([16, 4])],
  ])
}
