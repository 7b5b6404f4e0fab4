import { describe, expect, test } from 'vitest'
import { fullMatcher, keyMatcher } from '../../../src-main/library/pattern-match.ts'

const budget = () => ({ steps: 1_000_000 })
function key(pattern: string, name: string): boolean | null | string {
  const matcher = keyMatcher(pattern, budget())
  return typeof matcher === 'function' ? matcher(name) : matcher.refused
}
function full(pattern: string, name: string): boolean | null | string {
  const matcher = fullMatcher(pattern, budget())
  return typeof matcher === 'function' ? matcher(name) : matcher.refused
}

// What Python's re.match(rf"(.*\.)?({key})$", name) answers; the first four are the traps of merge-methods.md 1.4.
test.each<[string, string, boolean]>([
  ['layers.0.q', 'layers.0.q', true],
  ['layers.0.q', 'layersX0.q', true],
  ['in0', 'lin0', false],
  ['.*1', 'l1', true],
  ['q_proj', 'model.layers.0.self_attn.q_proj', true],
  ['q_proj', 'model.q_proj.x', false],
  ['model.layers.0', 'xmodel.layers.0', false],
  ['^model.layers.0', 'model.layers.0', true],
  ['^layers.0', 'model.layers.0', false],
  ['q_proj$', 'a.q_proj', true],
  ['a|b', 'x.b', true],
  ['a|b', 'x.ab', false],
  ['layers\\.[0-3]\\.(?:q|k)_proj', 'model.layers.3.k_proj', true],
  ['layers\\.[0-3]\\.(?:q|k)_proj', 'model.layers.4.k_proj', false],
  ['layers\\.\\d+\\.mlp', 'model.layers.12.mlp', true],
  ['[^q]_proj', 'k_proj', true],
  ['[^q]_proj', 'q_proj', false],
  ['x{2,3}', 'a.xxx', true],
  ['x{2,3}', 'xxxx', false],
  ['x{,2}', 'a.', true],
  ['\\bq\\b.*', 'a.q-b', true],
  ['(?P<kind>q|v)_proj', 'v_proj', true],
  ['[]x]', ']', true],
  ['[a\\-z]', '-', true],
  ['a{b', 'a{b', true],
])('key %j and name %j: %s', (pattern, name, expected) => {
  expect(key(pattern, name)).toBe(expected)
})

test('whole names match a pattern of target_modules as Python fullmatch does', () => {
  expect(full('.*\\.(q|v)_proj', 'model.layers.0.self_attn.q_proj')).toBe(true)
  expect(full('(q|v)_proj', 'model.layers.0.self_attn.q_proj')).toBe(false)
  expect(full('model\\.(?!vision).*', 'model.x')).toBe('it looks around, refers back or sets flags')
})

describe('hostile patterns', () => {
  test.each([
    ['(?=a)a', 'look'],
    ['(?<!a)b', 'look'],
    ['(?i)a', 'flags'],
    ['(a)\\1', 'not supported'],
    ['a++', 'possessive'],
    ['a**', 'quantifier'],
    ['*a', 'repeats nothing'],
    ['(a', 'not closed'],
    ['a)', 'closes nothing'],
    ['[a', 'not closed'],
    ['[z-a]', 'backwards'],
    ['a{1001}', 'out of range'],
    ['a{3,2}', 'out of range'],
    ['^*', 'anchor'],
    ['\\u0041', 'not supported'],
    ['('.repeat(60) + ')'.repeat(60), 'nested'],
    [`a|${'b'.repeat(4000)}`, 'longer'],
    ['(((x{1000}){1000}){1000})', 'too large'],
    ['((){1000}){1000}', 'too large'],
  ])('%s is refused in words', (pattern, words) => {
    expect(key(pattern, 'x')).toEqual(expect.stringContaining(words))
  })

  test('catastrophic backtracking is linear work here', () => {
    const name = 'a'.repeat(5000)
    expect(full('(a*)*b', name)).toBe(false)
    expect(full('(a|a)*b', name)).toBe(false)
    expect(full('(a|aa)+c', name)).toBe(false)
  })

  test('a budget that runs out is said, and stays run out', () => {
    const left = { steps: 10_000 }
    const matcher = fullMatcher('(.*.*.*.*.*){30}b', left)
    if (typeof matcher !== 'function') throw new Error(matcher.refused)
    expect(matcher('a'.repeat(5000))).toBeNull()
    expect(left.steps).toBeLessThan(0)
  })
})
