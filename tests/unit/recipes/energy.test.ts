import { expect, test } from 'vitest'
import { cosinesOf, keptEnergy, keptEnergyByLayer, mergedNorm, normsOf } from '../../../src-main/recipes/energy.ts'

const module = (name: string, norm: number, discardedEnergy: number) => ({ name, norm, discardedEnergy })

test('kept energy is the share of squared norm that stays, weighted by squared norms', () => {
  expect(keptEnergy([module('a', 3, 0)])).toBe(1)
  // 0.6 discarded leaves 1 - 0.36 = 0.64 of the whole.
  expect(keptEnergy([module('a', 4, 0.6)])).toBeCloseTo(0.64, 12)
  // Squares kept 16 and 9; wholes 25 and 9.
  expect(keptEnergy([module('a', 5, 0.6), module('b', 3, 0)])).toBeCloseTo(25 / 34, 12)
})

test('a result of zeros has lost nothing', () => {
  expect(keptEnergy([module('a', 0, 0)])).toBe(1)
  expect(keptEnergy([])).toBe(1)
})

test('by layer, modules outside the layers last', () => {
  const layers = new Map([['head', null], ['x', 1], ['y', 0], ['z', 1]]) // prettier-ignore
  const modules = [...layers].map(([name, layer]) => ({ name, layer, moduleKind: name, in: 1, out: 1, contributions: [] }))
  const energies = [module('head', 1, 0), module('x', 5, 0.6), module('y', 1, 0), module('z', 3, 0)]
  const rows = keptEnergyByLayer(energies, modules)
  expect(rows.map((row) => row.layer)).toEqual([0, 1, null])
  expect(rows[1]?.keptEnergy).toBeCloseTo(25 / 34, 12)
})

test('norms and cosines from inner products', () => {
  const gram = [
    [4, -3, 0],
    [-3, 9, 0],
    [0, 0, 0],
  ]
  expect(normsOf(gram)).toEqual([2, 3, 0])
  expect(cosinesOf(gram)).toEqual([
    [1, -0.5, 0],
    [-0.5, 1, 0],
    [0, 0, 1],
  ])
  // Written norms 3 and 4: what was cut of the second is gone.
  expect(mergedNorm([module('a', 3, 0), module('b', 5, 0.6)])).toBeCloseTo(5, 12)
})

test('rounding never gives a cosine beyond 1 or the root of a negative number', () => {
  expect(cosinesOf([[1, 1.0000001], [1.0000001, 1]])[0]?.[1]).toBe(1) // prettier-ignore
  expect(normsOf([[-1e-18]])).toEqual([0])
})
