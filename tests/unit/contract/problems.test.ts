import * as v from 'valibot'
import { expect, test } from 'vitest'
import { problemSchema } from '../../../src-main/contract/problem-schema.ts'
import {
  errorProblem,
  hasError,
  isProblemCode,
  problemTitles,
  Refusal,
  shownValue,
  warningProblem,
} from '../../../src-main/contract/problems.ts'

test('codes are kebab-case words with a heading', () => {
  for (const [code, title] of Object.entries(problemTitles)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(title).toMatch(/^(adapter_config\.json|[A-Z]).{3,50}$/)
  }
})

test('errors block, warnings do not', () => {
  const warning = warningProblem('duplicate', 'again')
  expect(hasError([warning])).toBe(false)
  expect(hasError([warning, errorProblem('disk-full', 'full')])).toBe(true)
  expect(hasError([])).toBe(false)
})

test('known codes only, and no property that every object has', () => {
  expect(isProblemCode('disk-full')).toBe(true)
  expect([undefined, 5, 'disk_full', 'constructor', 'ENOENT'].map(isProblemCode)).toEqual([false, false, false, false, false])
})

test('shown values are short and keep text apart from numbers', () => {
  expect([5, '5', NaN, -Infinity, undefined, null, [1]].map(shownValue)).toEqual([
    '5',
    '"5"',
    'NaN',
    '-Infinity',
    'undefined',
    'null',
    '[1]',
  ])
  expect(shownValue('x'.repeat(500))).toHaveLength(120)
})

test('a refusal carries its problems and says them', () => {
  const refusal = new Refusal([errorProblem('disk-full', 'The disk is full.'), warningProblem('duplicate', 'It is there already.')])
  expect(refusal.message).toBe('The disk is full. It is there already.')
  expect(refusal.problems.map((problem) => problem.code)).toEqual(['disk-full', 'duplicate'])
})

test('a problem crosses the bridge whole, an unknown code does not', () => {
  const problem = errorProblem('unknown-field', 'no', {
    where: { path: '/p', field: 'f', value: 'v', tensor: 't' },
    allowed: ['a'],
    hint: 'h',
  })
  expect(v.parse(problemSchema, JSON.parse(JSON.stringify(problem)))).toEqual(problem)
  expect(v.safeParse(problemSchema, { ...problem, code: 'made-up' }).success).toBe(false)
})
