import { expect, test } from 'vitest'
import { coefficientFinding, coefficientTableOf, layOutCoefficients, shortModule } from '../../../src-renderer/charts/coefficient-map.ts'

const table = {
  modules: ['model.layers.0.self_attn.q_proj', 'model.layers.11.mlp.down_proj'],
  adapters: [
    { id: 'a', name: 'one' },
    { id: null, name: 'two' },
  ],
  values: [
    [0.5, null],
    [-1, 0],
  ],
  shares: null,
}

test('the ramp has its middle at 0 and equal reach to both sides; a missing module has no cell', () => {
  const drawn = layOutCoefficients(table)
  expect(drawn.reach).toBe(1)
  expect(drawn.rows).toEqual(['0 q_proj', '11 down_proj'])
  expect(drawn.cells.map(({ row, column, step }) => [row, column, step])).toEqual([
    [0, 0, 5],
    [1, 0, 0],
    [1, 1, 3],
  ])
  expect(drawn.cells[1]?.text).toBe('one in 11 down_proj: −1.000')
})

test('all zero stands in the middle', () => {
  expect(layOutCoefficients({ ...table, values: [[0, 0]] }).cells.map(({ step }) => step)).toEqual([3, 3])
})

test('the title names the largest share, or counts', () => {
  expect(coefficientFinding({ ...table, shares: [0.25, 0.75] })).toBe('two gives the largest share of the update, 75 %')
  expect(coefficientFinding(table)).toBe('3 coefficients of 2 adapters')
})

test('the table view has a row for each module', () => {
  expect(coefficientTableOf(table).rows[0]).toEqual(['model.layers.0.self_attn.q_proj', 0.5, null])
  expect(shortModule('lm_head')).toBe('lm_head')
})

test('rows come layer by layer, in the order of a block', () => {
  const names = [
    'model.layers.1.mlp.up_proj',
    'model.layers.0.mlp.down_proj',
    'model.layers.0.self_attn.q_proj',
    'model.layers.0.self_attn.k_proj',
  ]
  const drawn = layOutCoefficients({ ...table, modules: names, values: names.map((_, index) => [index, null]) })
  expect(drawn.rows).toEqual(['0 q_proj', '0 k_proj', '0 down_proj', '1 up_proj'])
  expect(drawn.cells.map(({ row, text }) => [row, text.split(': ')[1]])).toEqual([
    [0, '+2.000'],
    [1, '+3.000'],
    [2, '+1.000'],
    [3, '0.000'],
  ])
})
