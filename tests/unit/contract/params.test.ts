import { expect, test } from 'vitest'
import { allowedOf, checkParams, defaultsOf, type ParamSpec } from '../../../src-main/contract/params.ts'

const specs: readonly ParamSpec[] = [
  { id: 'density', label: 'Density', help: 'Share kept.', kind: 'number', default: 0.2, min: 0, max: 1, per: 'recipe' },
  { id: 'k', label: 'Clusters', help: 'How many.', kind: 'integer', default: 4, min: 1, per: 'recipe' },
  { id: 'variant', label: 'Variant', help: 'Which.', kind: 'choice', default: 'paper', options: [{ id: 'paper', label: 'Paper' }, { id: 'count', label: 'Count' }], per: 'recipe' }, // prettier-ignore
  { id: 'rescale', label: 'Rescale', help: 'Whether.', kind: 'flag', default: true, per: 'adapter' },
]

test('defaults of one level', () => {
  expect(defaultsOf(specs, 'recipe')).toEqual({ density: 0.2, k: 4, variant: 'paper' })
  expect(defaultsOf(specs, 'adapter')).toEqual({ rescale: true })
})

test('good values replace defaults, at both ends of their range', () => {
  expect(checkParams(specs, { density: 0, k: 1, variant: 'count' }, 'recipe', 'params')).toEqual({
    params: { density: 0, k: 1, variant: 'count' },
    problems: [],
  })
  expect(checkParams(specs, { density: 1 }, 'recipe', 'params').params).toMatchObject({ density: 1 })
  expect(checkParams(specs, { rescale: false }, 'adapter', 'adapters[0].params').params).toEqual({ rescale: false })
})

test.each([
  ['density', -0.1, '-0.1', 'a number from 0 to 1'],
  ['density', NaN, 'NaN', 'a number from 0 to 1'],
  ['density', Infinity, 'Infinity', 'a number from 0 to 1'],
  ['density', '0.5', '"0.5"', 'a number from 0 to 1'],
  ['k', 2.5, '2.5', 'a whole number of at least 1'],
  ['k', 0, '0', 'a whole number of at least 1'],
  ['variant', 'papr', '"papr"', 'paper'],
  ['variant', null, 'null', 'paper'],
])('%s = %s is refused with place, value and what is allowed', (id, value, shown, allowed) => {
  const { params, problems } = checkParams(specs, { [id]: value }, 'recipe', 'params')
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({ code: 'parameter-invalid', severity: 'error', where: { field: `params.${id}`, value: shown } })
  expect(problems[0]?.allowed).toContain(allowed)
  expect(params).toEqual(defaultsOf(specs, 'recipe'))
})

test('a parameter of the other level, and one that does not exist, are unknown', () => {
  const { problems } = checkParams(specs, { rescale: true, densty: 0.3 }, 'recipe', 'params')
  expect(problems.map((problem) => [problem.code, problem.where?.field])).toEqual([
    ['unknown-parameter', 'params.rescale'],
    ['unknown-parameter', 'params.densty'],
  ])
  expect(problems[1]?.hint).toBe('Did you mean "density"? Allowed: density, k, variant.')
})

test('what is allowed, in words', () => {
  expect(specs.map(allowedOf)).toEqual([['a number from 0 to 1'], ['a whole number of at least 1'], ['paper', 'count'], ['true', 'false']])
})
