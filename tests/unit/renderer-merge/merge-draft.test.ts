import { describe, expect, it } from 'vitest'
import {
  addRule,
  addSources,
  editParam,
  editRule,
  editSource,
  emptyDraft,
  moveSource,
  removeRule,
  removeSource,
  shownParams,
} from '../../../src-renderer/state/merge-draft.ts'
import { draftOf, recipeOf } from '../../../src-renderer/state/merge-recipe.ts'
import { parseTyped } from '../../../src-renderer/format/typed-number.ts'

const two = addSources(emptyDraft, [
  { id: 'a', name: 'alpha' },
  { id: 'b', name: 'beta' },
])
const keys = (draft: typeof two): readonly string[] => draft.sources.map((source) => source.key)

describe('typed numbers', () => {
  it.each([
    ['0.7', 0.7],
    [' -1.5 ', -1.5],
    ['\u22120.4', -0.4],
    ['.5', 0.5],
    ['1e-3', 0.001],
    ['3.', 3],
  ])('%s is a number', (text, value) => expect(parseTyped(text)).toBe(value))
  it.each(['', 'abc', '0,7', '0x10', 'NaN', 'Infinity', '1e999', '-'])('"%s" stays text', (text) => expect(parseTyped(text)).toBe(text))
})

describe('sources', () => {
  it('adds lines at coefficient 1, each with its own key and colour', () => {
    expect(keys(two)).toEqual(['s1', 's2'])
    expect(two.sources.map((source) => source.colour)).toEqual([0, 1])
    expect(two.sources[1]).toMatchObject({ adapter: 'b', name: 'beta', coefficient: 1, locked: false, rules: [] })
  })
  it('accepts the same adapter again on a line of its own', () => {
    expect(keys(addSources(two, [{ id: 'a', name: 'alpha' }]))).toEqual(['s1', 's2', 's3'])
  })
  it('gives a freed colour to the next line and none to the ninth', () => {
    const again = addSources(removeSource(two, 's1'), [{ id: 'c', name: 'gamma' }])
    expect(again.sources.map((source) => source.colour)).toEqual([1, 0])
    const nine = addSources(
      emptyDraft,
      Array.from({ length: 9 }, (_, i) => ({ id: `${i}`, name: `${i}` })),
    )
    expect(nine.sources[8]?.colour).toBeNull()
  })
  it('moves a line and clamps the place', () => {
    const three = addSources(two, [{ id: 'c', name: 'gamma' }])
    expect(keys(moveSource(three, 's1', 1))).toEqual(['s2', 's1', 's3'])
    expect(keys(moveSource(three, 's1', 99))).toEqual(['s2', 's3', 's1'])
    expect(keys(moveSource(three, 's3', -5))).toEqual(['s3', 's1', 's2'])
    expect(moveSource(three, 's9', 0)).toBe(three)
  })
  it('adds, edits and removes rules', () => {
    const withRule = editRule(addRule(editSource(two, 's1', { coefficient: 0.7 }), 's1'), 's1', 'r1', { modules: 'q_proj', value: 0.9 })
    expect(withRule.sources[0]?.rules).toEqual([{ key: 'r1', modules: 'q_proj', firstLayer: '', lastLayer: '', value: 0.9 }])
    expect(removeRule(withRule, 's1', 'r1').sources[0]?.rules).toEqual([])
  })
})

describe('recipe of a draft', () => {
  it('spells coefficients, rules and output', () => {
    const ruled = editRule(addRule(editSource(two, 's2', { coefficient: -0.4 }), 's2'), 's2', 'r1', {
      modules: 'q_proj|v_proj',
      firstLayer: 0,
      lastLayer: 15,
      value: 0.9,
    })
    expect(recipeOf({ ...ruled, output: { ...ruled.output, rank: 16, name: ' mine ' } })).toEqual({
      method: 'linear',
      adapters: [
        { adapter: 'a', coefficient: 1 },
        {
          adapter: 'b',
          coefficient: { default: -0.4, rules: [{ modules: 'q_proj|v_proj', layers: [0, 15], value: 0.9 }] },
        },
      ],
      params: {},
      output: { rank: 16, dtype: 'float32', padTo: 'none', name: 'mine' },
    })
  })
  it('leaves out what the method does not take', () => {
    expect(recipeOf({ ...two, method: 'average' }).adapters).toEqual([{ adapter: 'a' }, { adapter: 'b' }])
    expect(recipeOf({ ...two, method: 'concat' }).output).toEqual({ dtype: 'float32', padTo: 'none' })
    expect(recipeOf(two)).not.toHaveProperty('seed')
  })
  it('passes on what is not a number, so that the check names it', () => {
    const draft = editSource(two, 's1', { coefficient: 'abc' })
    expect(recipeOf(draft).adapters[0]).toEqual({ adapter: 'a', coefficient: 'abc' })
  })
  it('keeps the parameters of each method apart', () => {
    const draft = editParam({ ...two, method: 'concat' }, 'density', 0.3)
    expect(recipeOf(draft).params).toEqual({ density: 0.3 })
    expect(recipeOf({ ...draft, method: 'linear' }).params).toEqual({})
    expect(shownParams(draft)).toEqual({ density: 0.3 })
  })
})

describe('draft of a recipe', () => {
  const recipe = {
    method: 'linear',
    adapters: [
      { adapter: './pool/alpha', coefficient: { default: 0.5, rules: [{ layers: [2, 3] as [number, number], value: 0 }] } },
      { adapter: 'unknown-one', params: { list: [1] } },
    ],
    params: {},
    output: { rank: 'sum' as const, dtype: 'bfloat16' as const, padTo: 'vllm' as const, name: 'mine' },
    seed: 7,
  }
  it('finds the library adapters and keeps unknown references', () => {
    const draft = draftOf(recipe, new Map([['./pool/alpha', { id: 'a', name: 'alpha' }]]))
    expect(draft.sources.map(({ adapter, name }) => [adapter, name])).toEqual([
      ['a', 'alpha'],
      ['unknown-one', 'unknown-one'],
    ])
    expect(draft.output).toEqual({ rank: 'sum', dtype: 'bfloat16', padTo: 'vllm', name: 'mine' })
    expect(draft.seed).toBe(7)
  })
  it('round-trips through the recipe', () => {
    const draft = draftOf(recipe, new Map())
    expect(recipeOf(draft)).toEqual({
      method: 'linear',
      adapters: [
        { adapter: './pool/alpha', coefficient: { default: 0.5, rules: [{ layers: [2, 3], value: 0 }] } },
        { adapter: 'unknown-one', coefficient: 1, params: { list: '[1]' } },
      ],
      params: {},
      output: { rank: 'sum', dtype: 'bfloat16', padTo: 'vllm', name: 'mine' },
    })
  })
})
