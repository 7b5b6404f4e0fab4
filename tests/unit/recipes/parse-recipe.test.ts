import { expect, test } from 'vitest'
import { parseRecipe } from '../../../src-main/recipes/parse-recipe.ts'
import { uniform } from '../../helpers/adapters.ts'

/** Code and place of every problem, in order. */
function told(input: unknown): string[] {
  return parseRecipe(input).problems.map((problem) => `${problem.code} ${problem.where?.field ?? ''}`.trim())
}

test('YAML and JSON give the same recipe, with the defaults of every optional part', () => {
  const yaml = parseRecipe('method: linear\nadapters:\n  - adapter: ./a\n    coefficient: 0.7\n  - adapter: b\n')
  const json = parseRecipe('{\n\t"method": "linear",\n\t"adapters": [{"adapter": "./a", "coefficient": 0.7}, {"adapter": "b"}]\n}')
  expect(yaml.problems).toEqual([])
  expect(yaml.recipe).toEqual({
    method: 'linear',
    adapters: [{ adapter: './a', coefficient: 0.7 }, { adapter: 'b' }],
    params: {},
    output: { rank: 'auto', dtype: 'float32', padTo: 'none' },
    seed: 1,
  })
  expect(json).toEqual(yaml)
})

test('rules of coefficients are read in full', () => {
  const text =
    'method: linear\nadapters: [{adapter: a, coefficient: {default: 0.7, rules: [{modules: "q_proj|v_proj", layers: [0, 15], value: -0.9}]}}]'
  expect(parseRecipe(text).recipe?.adapters[0]?.coefficient).toEqual({
    default: 0.7,
    rules: [{ modules: 'q_proj|v_proj', layers: [0, 15], value: -0.9 }],
  })
})

test('an unknown field is named with its place and the field that was probably meant', () => {
  const [problem, ...others] = parseRecipe('method: linear\nadapters: [{adapter: a, cofficient: 2}]').problems
  expect(others).toEqual([])
  expect(problem).toMatchObject({
    code: 'unknown-field',
    severity: 'error',
    where: { field: 'adapters[0].cofficient' },
    allowed: ['adapter', 'coefficient', 'params'],
    hint: 'Did you mean "coefficient"? Allowed: adapter, coefficient, params.',
  })
})

test('every problem is told, not only the first, and each names its field', () => {
  const input = {
    method: 'linear',
    adapters: [
      { adapter: 'a', coefficient: { default: 1, rules: [{ value: 2, layer: [0, 1], foo: 1 }, { value: 'x', layers: [1, 2, 3] }, 5] } },
      {},
      'name',
    ],
    outpt: {},
    output: { rank: 'x', dtype: 'f32', foo: 1 },
    seed: -1,
  }
  expect(told(input)).toEqual([
    'unknown-field adapters[0].coefficient.rules[0].layer',
    'unknown-field adapters[0].coefficient.rules[0].foo',
    'coefficient-invalid adapters[0].coefficient.rules[1].layers[2]',
    'coefficient-invalid adapters[0].coefficient.rules[1].value',
    'coefficient-invalid adapters[0].coefficient.rules[2]',
    'field-missing adapters[1].adapter',
    'parameter-invalid adapters[2]',
    'rank-invalid output.rank',
    'parameter-invalid output.dtype',
    'unknown-field output.foo',
    'parameter-invalid seed',
    'unknown-field outpt',
  ])
  expect(parseRecipe(input).problems.every((problem) => problem.hint !== undefined && problem.hint !== '')).toBe(true)
})

test.each([
  ['NaN', 'method: linear\nadapters: [{adapter: a, coefficient: .nan}]', 'NaN'],
  ['text', 'method: linear\nadapters: [{adapter: a, coefficient: lots}]', '"lots"'],
  ['null, as JSON makes of NaN', { method: 'linear', adapters: [{ adapter: 'a', coefficient: null }] }, 'null'],
  ['a list', { method: 'linear', adapters: [{ adapter: 'a', coefficient: [1] }] }, '[1]'],
])('a coefficient that is %s is refused with its value', (_what, input, value) => {
  const { recipe, problems } = parseRecipe(input)
  expect(recipe).toBeNull()
  expect(problems).toMatchObject([{ code: 'coefficient-invalid', where: { field: 'adapters[0].coefficient', value } }])
})

test('what is usable of a refused recipe is kept for the other checks', () => {
  const { recipe, draft } = parseRecipe({
    method: 5,
    adapters: [{ adapter: 'a', coefficient: 'x' }, { adapter: 7 }, 3],
    outputs: 1,
    seed: 2,
  })
  expect(recipe).toBeNull()
  expect(draft).toMatchObject({ method: '', adapters: [{ adapter: 'a' }, { adapter: '' }, { adapter: '' }], seed: 2 })
  expect(draft?.adapters[0]).not.toHaveProperty('coefficient')
})

test('empty names count as missing', () => {
  expect(told('method: ""\nadapters: [{adapter: ""}]')).toEqual(['field-missing method', 'field-missing adapters[0].adapter'])
  expect(told('method: ""\nadapters: []\noutput: {padTo: vlm}')).toEqual(['parameter-invalid output.padTo', 'field-missing method'])
})

test.each([
  ['nothing', '', 'this is null'],
  ['a list', '- a\n- b', 'it is a list'],
  ['broken YAML', 'method: [', 'Flow sequence'],
  ['a repeated key', 'method: a\nmethod: b', 'Map keys must be unique'],
  ['two documents', 'method: a\n---\nmethod: b', 'multiple documents'],
  ['a part that contains itself', 'a: &a [*a]\nb: *a', 'contains itself'],
  ['brackets without end', '['.repeat(3000), 'nested too deeply'],
  ['a number', 7, 'this is 7'],
])('%s is no recipe', (_what, input, reason) => {
  const { recipe, draft, problems } = parseRecipe(input)
  expect(recipe).toBeNull()
  expect(draft).toBeNull()
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({ code: 'recipe-not-readable', severity: 'error' })
  expect(problems[0]?.message).toContain(reason)
})

test('aliases that would expand without end are refused in no time', () => {
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [next, last] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg'].map((pair) => [pair[0], pair[1]])) {
    lines.push(`${next}: &${next} [${new Array(9).fill(`*${last}`).join(',')}]`)
  }
  const started = performance.now()
  const { problems } = parseRecipe(lines.join('\n'))
  expect(problems[0]).toMatchObject({
    code: 'recipe-not-readable',
    message: 'The recipe cannot be read: its aliases (*name) expand too often.',
  })
  expect(performance.now() - started).toBeLessThan(2000)
})

test('text of more than a million characters is not even parsed', () => {
  expect(parseRecipe(`# ${'x'.repeat(1_000_001)}`).problems[0]?.message).toContain('longer than 1000000 characters')
})

test('names of built-in properties are unknown fields like any other', () => {
  expect(told('method: linear\nadapters: []\n__proto__: {a: 1}\nconstructor: 2')).toEqual([
    'unknown-field __proto__',
    'unknown-field constructor',
  ])
})

test('whatever comes in, there is either a recipe or an error, never a throw', () => {
  const random = uniform(7)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const scrap = (depth: number): unknown => {
    if (depth === 0 || random() < 0.4) return pick([null, 0, -1, 1.5, NaN, Infinity, '', 'a', true, [], {}])
    if (random() < 0.3) return Array.from({ length: Math.floor(random() * 3) }, () => scrap(depth - 1))
    const names = [
      'method',
      'adapters',
      'adapter',
      'coefficient',
      'default',
      'rules',
      'value',
      'layers',
      'params',
      'output',
      'rank',
      'seed',
      'x',
    ]
    return Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, () => [pick(names), scrap(depth - 1)]))
  }
  let accepted = 0
  for (let round = 0; round < 3000; round++) {
    const input = { method: 'linear', adapters: [{ adapter: 'a', coefficient: scrap(3) }], ...(random() < 0.5 && (scrap(3) as object)) }
    const { recipe, problems } = parseRecipe(random() < 0.2 ? scrap(4) : input)
    expect(recipe === null).toBe(problems.some((problem) => problem.severity === 'error'))
    if (recipe) accepted++
  }
  expect(accepted).toBeGreaterThan(10)
})
