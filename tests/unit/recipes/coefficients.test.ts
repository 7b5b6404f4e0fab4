import { expect, test } from 'vitest'
import { checkCoefficient, coefficientFor, coefficientText, type RuledModule } from '../../../src-main/recipes/coefficients.ts'

const module = (layer: number | null, moduleKind: string): RuledModule => ({
  name: layer === null ? moduleKind : `model.layers.${layer}.x.${moduleKind}`,
  layer,
  moduleKind,
})
const modules = [0, 1, 2, 3].flatMap((layer) => ['q_proj', 'v_proj', 'up_proj'].map((kind) => module(layer, kind)))

test('the last rule that matches wins, and the default stands where none does', () => {
  const coefficient = {
    default: 0.5,
    rules: [
      { modules: 'q_proj|v_proj', value: 0.9 },
      { layers: [1, 2] as [number, number], value: -0.2 },
      { modules: ' v_proj ', layers: [2, 2] as [number, number], value: 3 },
    ],
  }
  expect(coefficientFor(coefficient, module(0, 'q_proj'))).toBe(0.9)
  expect(coefficientFor(coefficient, module(0, 'up_proj'))).toBe(0.5)
  expect(coefficientFor(coefficient, module(1, 'q_proj'))).toBe(-0.2)
  expect(coefficientFor(coefficient, module(2, 'v_proj'))).toBe(3)
  expect(coefficientFor(coefficient, module(2, 'q_proj'))).toBe(-0.2)
  expect(coefficientFor(coefficient, module(3, 'v_proj'))).toBe(0.9)
})

test('layers are inclusive, and never match a module outside the layers', () => {
  const coefficient = { default: 1, rules: [{ layers: [0, 1] as [number, number], value: 2 }] }
  expect([0, 1, 2].map((layer) => coefficientFor(coefficient, module(layer, 'q_proj')))).toEqual([2, 2, 1])
  expect(coefficientFor(coefficient, module(null, 'lm_head'))).toBe(1)
})

test('a rule names whole kinds: q does not match q_proj', () => {
  expect(coefficientFor({ default: 1, rules: [{ modules: 'q', value: 2 }] }, module(0, 'q_proj'))).toBe(1)
})

test('no coefficient is 1, a number is itself', () => {
  expect(coefficientFor(undefined, modules[0]!)).toBe(1)
  expect(coefficientFor(-0.25, modules[0]!)).toBe(-0.25)
})

test.each([Infinity, -Infinity, NaN])('%s is refused wherever it stands', (value) => {
  expect(checkCoefficient(value, modules, 'c')).toMatchObject([
    { code: 'coefficient-invalid', where: { field: 'c', value: String(value) } },
  ])
  expect(checkCoefficient({ default: value, rules: [{ value }] }, modules, 'c').map((problem) => problem.where?.field)).toEqual([
    'c.default',
    'c.rules[0].value',
  ])
})

test('zero and negative coefficients are fine', () => {
  expect([0, -1, -0].flatMap((value) => checkCoefficient(value, modules, 'c'))).toEqual([])
})

test('layers the wrong way round are refused, with the right way as hint', () => {
  const [problem] = checkCoefficient({ default: 1, rules: [{ layers: [3, 1], value: 2 }] }, modules, 'c')
  expect(problem).toMatchObject({
    code: 'coefficient-invalid',
    severity: 'error',
    where: { field: 'c.rules[0].layers', value: '[3,1]' },
    hint: 'Did you mean [1, 3]?',
  })
})

test.each([[[-1, 2]], [[0.5, 2]], [[0, Infinity]]])('layers %j are no whole numbers from 0', (layers) => {
  const problems = checkCoefficient({ default: 1, rules: [{ layers: layers as [number, number], value: 2 }] }, modules, 'c')
  expect(problems).toMatchObject([{ code: 'coefficient-invalid', where: { field: 'c.rules[0].layers' } }])
})

test('an empty name in a rule is refused', () => {
  expect(checkCoefficient({ default: 1, rules: [{ modules: 'q_proj|', value: 2 }] }, modules, 'c')).toMatchObject([
    { code: 'coefficient-invalid', where: { field: 'c.rules[0].modules', value: '"q_proj|"' } },
  ])
})

test('a rule that matches nothing is a warning that says what there is', () => {
  const problems = checkCoefficient(
    {
      default: 1,
      rules: [
        { modules: 'q_porj|v_proj', value: 2 },
        { layers: [7, 9], value: 2 },
        { modules: 'q_proj', layers: [1, 9], value: 2 },
      ],
    },
    modules,
    'c',
  )
  expect(problems).toMatchObject([
    {
      code: 'rule-unmatched',
      severity: 'warning',
      where: { field: 'c.rules[0].modules', value: '"q_porj"' },
      hint: 'Did you mean "q_proj"? Allowed: q_proj, up_proj, v_proj.',
    },
    { code: 'rule-unmatched', severity: 'warning', where: { field: 'c.rules[1]' }, hint: 'Its layers are 0 to 3.' },
  ])
})

test('coefficients in words', () => {
  expect(coefficientText(undefined)).toBe('1')
  expect(coefficientText(-0.4)).toBe('-0.4')
  expect(coefficientText({ default: 0.7, rules: [{ value: 0.9 }, { value: -0.2 }] })).toBe('0.7, by rule 0.9, -0.2')
})
