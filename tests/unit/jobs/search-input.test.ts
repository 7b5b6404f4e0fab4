import * as v from 'valibot'
import { expect, test } from 'vitest'
import { adaptInputSchema, type AdaptRequestInput } from '../../../src-main/contract/adapt.ts'
import { findPreset } from '../../../src-main/contract/presets.ts'
import { checkAdaptParams } from '../../../src-main/jobs/adapt-params.ts'
import { checkSearch, searchMethodOf } from '../../../src-main/jobs/search-input.ts'

function problemsOf(more: Partial<AdaptRequestInput>) {
  const input = v.parse(adaptInputSchema, { arm: 'search', baseId: 'b', taskId: 't', ...more })
  const { params, preset } = checkAdaptParams(input)
  return checkSearch({ input, params, preset }).map(({ code, message, where }) => ({ code, message, field: where?.field }))
}

test('what can be searched is not complained about', () => {
  expect(problemsOf({})).toEqual([])
  expect(problemsOf({ method: 'ties', searched: { density: { low: 0.1, high: 0.9 }, variant: { values: ['paper', 'count'] } } })).toEqual(
    [],
  )
  expect(problemsOf({ method: 'average', searched: {}, searchCoefficients: true })).toHaveLength(1)
})

test('every mistake is named', () => {
  expect(problemsOf({ method: 'tise' })).toMatchObject([{ code: 'unknown-method', field: 'method' }])
  expect(problemsOf({ method: 'ties', searched: { denisty: { low: 0, high: 1 } } })).toMatchObject([
    { code: 'unknown-parameter', field: 'searched.denisty' },
  ])
  expect(problemsOf({ method: 'ties', searched: { density: { low: 0.5, high: 1.5 } } })).toMatchObject([
    { code: 'parameter-invalid', field: 'searched.density', message: 'Density (density) is 1.5, but it must be at most 1.' },
  ])
  expect(problemsOf({ method: 'ties', searched: { density: { low: 0.9, high: 0.1 } } })).toMatchObject([
    { code: 'parameter-invalid', field: 'searched.density' },
  ])
  expect(problemsOf({ method: 'ties', searched: { variant: { low: 0, high: 1 } } })).toMatchObject([{ field: 'searched.variant' }])
  expect(problemsOf({ method: 'lego', searched: { k: { low: 1.5, high: 4 } } })).toMatchObject([{ field: 'searched.k' }])
  expect(problemsOf({ searchCoefficients: false })).toMatchObject([{ code: 'parameter-invalid', field: 'searched' }])
  expect(problemsOf({ params: { low: 1, high: 0.5, startValue: 0.7 } })).toMatchObject([{ field: 'params.startValue' }])
  expect(problemsOf({ params: { low: 0.5, high: 1 } })).toMatchObject([{ field: 'params.startValue' }])
})

test('a preset brings its method unless another one is named', () => {
  const preset = findPreset('lorahub')!
  expect(searchMethodOf({ input: { method: 'concat' }, preset })).toBe('lorahub')
  expect(searchMethodOf({ input: { method: 'ties' }, preset })).toBe('ties')
  expect(searchMethodOf({ input: { method: 'concat' }, preset: null })).toBe('concat')
})
