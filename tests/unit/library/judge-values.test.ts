import { expect, test } from 'vitest'
import type { AdapterModule, AdapterVariant, ScreenResults } from '../../../src-main/contract/adapter.ts'
import type { InspectedModule } from '../../../src-main/library/inspection.ts'
import { judgeValues } from '../../../src-main/library/judge-values.ts'
import { codes } from './support.ts'

const input = 300
const module = (name: string): AdapterModule => ({
  ...{ name, layer: 0, moduleKind: 'q_proj', in: input, out: 300, rank: 16, alpha: 16, scaling: 1, dtype: 'float32' },
  ...{ tensorA: `${name}.a`, tensorB: `${name}.b`, norm: null },
})
const modules = [module('x'), module('y')]
/** Statistics of a uniform start: bound 1/sqrt(in), standard deviation 1/sqrt(3 in). */
const uniform: Omit<InspectedModule, 'name'> = {
  norm: 2,
  zerosA: 0,
  zerosB: 0,
  maxAbsA: 1 / Math.sqrt(input),
  stdA: 1 / Math.sqrt(3 * input),
  kurtosisA: 1.8,
  singularValues: [2, 0],
}
const trained = { ...uniform, maxAbsA: 2 / Math.sqrt(input) }
const screens = { finite: null, 'norm-in-range': null, 'base-named': true } as ScreenResults

function judge(facts: Partial<InspectedModule>, norm: number | null = 5, variant: AdapterVariant = 'plain') {
  const before = { variant, modules, problems: [], screens, weightsPath: '/w' }
  const inspected = modules.map(({ name }) => ({ ...uniform, ...facts, name }))
  return judgeValues(before, { finite: true, firstNonFinite: null, norm, modules: inspected })
}

test('norms of the modules and of the whole are kept', () => {
  expect(judge(trained)).toEqual({
    ...{ status: 'ok', variant: 'plain', norm: 5, norms: [2, 2], problems: [] },
    inspection: { text: expect.stringContaining('"spectra":[[2,0],[2,0]]') as string, effectiveRank: 1 },
    screens: { finite: true, 'norm-in-range': true, 'base-named': true },
  })
})

test.each<[number, string[], boolean]>([
  [0, ['norm-too-small'], false],
  [0.4, ['norm-too-small'], false],
  [1, ['norm-too-small'], false],
  [1.0001, [], true],
  [1000, [], true],
  [1000.1, ['norm-too-large'], false],
])('a norm of %d gives %j and the screen %s', (norm, expected, inRange) => {
  const judged = judge(trained, norm)
  expect(codes(judged.problems)).toEqual(expected)
  expect(judged.problems.every((problem) => problem.severity === 'warning')).toBe(true)
  expect(judged.screens['norm-in-range']).toBe(inRange)
  expect(judged.status).toBe('ok')
})

test('an update of zero says where it comes from', () => {
  expect(judge({ ...trained, zerosB: 1 }, 0).problems[0]?.message).toContain('every lora_B holds zeros only')
  expect(judge(trained, 0).problems[0]?.message).toContain('B times A is zero everywhere')
})

test('a value that is not finite refuses, with tensor and index', () => {
  const before = { variant: 'plain', modules, problems: [], screens, weightsPath: '/w' } as const
  const judged = judgeValues(before, { finite: false, firstNonFinite: { tensor: 'x.a', index: 7, value: '-inf' }, norm: null, modules: [] })
  expect(judged).toMatchObject({
    status: 'refused',
    norm: null,
    norms: null,
    inspection: null,
    screens: { finite: false, 'norm-in-range': null },
  })
  expect(judged.problems).toMatchObject([
    { code: 'not-finite', severity: 'error', message: 'Value 7 of x.a is minus infinity.', where: { path: '/w', tensor: 'x.a' } },
  ])
})

// Thresholds of lego-lori.md 2.9.
test.each<[string, Partial<InspectedModule>, AdapterVariant]>([
  ['a uniform start and a dense B', {}, 'frozen-a'],
  ['rounding to bf16', { maxAbsA: 1.004 / Math.sqrt(input) }, 'frozen-a'],
  ['one value beyond the bound', { maxAbsA: 1.02 / Math.sqrt(input) }, 'plain'],
  ['another spread inside the bound', { stdA: 0.9 / Math.sqrt(3 * input) }, 'plain'],
  ['another shape inside the bound', { kurtosisA: 1.95 }, 'plain'],
  ['90 % zeros in B', { zerosB: 0.9 }, 'lori-s'],
  ['half zeros in B', { zerosB: 0.5 }, 'frozen-a'],
  ['a B of zeros only', { zerosB: 1 }, 'frozen-a'],
  ['90 % zeros in B with a trained A', { ...trained, zerosB: 0.9 }, 'plain'],
])('%s', (_, facts, variant) => {
  expect(judge(facts).variant).toBe(variant)
})

test('zeros are counted over the whole adapter, for a threshold may leave whole modules empty', () => {
  const before = { variant: 'plain', modules, problems: [], screens, weightsPath: '/w' } as const
  const inspected = [{ ...uniform, name: 'x', zerosB: 1 }, { ...uniform, name: 'y', zerosB: 0.8 }] // prettier-ignore
  expect(judgeValues(before, { finite: true, firstNonFinite: null, norm: 5, modules: inspected }).variant).toBe('lori-s')
})

test('other classes keep theirs, and stacked experts get no norm', () => {
  expect(judge({}, 5, 'dora').variant).toBe('dora')
  expect(judge({}, 5, 'experts')).toMatchObject({
    variant: 'experts',
    norm: null,
    norms: null,
    inspection: null,
    screens: { 'norm-in-range': null },
  })
})
