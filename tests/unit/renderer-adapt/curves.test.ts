import { expect, test } from 'vitest'
import type { CurvePoint } from '../../../src-main/contract/adapt.ts'
import { bestStep, curveFinding, curveTable, layOutCurves, searchFinding } from '../../../src-renderer/charts/curves.ts'

const validation = (step: number, validationLoss: number): CurvePoint => ({
  ...{ step, validationLoss, trainLoss: null, rate: null, gradientNorm: null },
  ...{ seconds: step, tokens: 100 * step },
})
const training = (step: number, trainLoss: number): CurvePoint => ({ ...validation(step, 0), validationLoss: null, trainLoss, rate: 0.05 })

test('the best step is the earliest of the least validation losses; training losses do not count', () => {
  expect(bestStep([validation(0, 2), training(1, 0.1), validation(10, 1.5), validation(20, 1.5)])).toBe(10)
  expect(bestStep([training(1, 0.1)])).toBeNull()
})

test('step 0 may win, and the finding says so', () => {
  expect(curveFinding([validation(0, 1.25), validation(10, 1.5)], 0)).toBe('No step is better than step 0, at a loss of 1.25')
  expect(curveFinding([validation(0, 2), validation(10, 1)], 10)).toBe('Loss falls from 2.00 to 1.00 at step 10')
  expect(curveFinding([], null)).toBe('No loss is known yet')
})

test('marks stand where the axes say, and a loss far above the start does not press the others flat', () => {
  const drawn = layOutCurves([validation(0, 2), validation(50, 1), validation(100, 400)], {
    width: 200,
    height: 100,
    total: 100,
    chosenStep: 50,
  })
  expect(drawn.marks.map(({ x, chosen }) => [x, chosen])).toEqual([
    [0, false],
    [100, true],
    [200, false],
  ])
  const [start, best, diverged] = drawn.marks
  expect(best?.y).toBeGreaterThanOrEqual((start?.y ?? 0) + 50)
  expect(diverged?.y).toBe(0)
})

test('a training loss is that before its step', () => {
  const drawn = layOutCurves([training(1, 2), training(11, 1)], { width: 100, height: 10, total: 10, chosenStep: null })
  expect(drawn.train.startsWith('M0.0 ')).toBe(true)
  expect(drawn.train).toContain('L100.0 ')
})

test('the table keeps every number', () => {
  expect(curveTable([training(3, 0.25)]).rows).toEqual([[3, 0.25, null, 0.05, null, 3, 300]])
})

test('a search is told by its best objective', () => {
  expect(searchFinding([training(1, 0.75), training(2, 0.7)])).toBe('The best objective falls from 0.750 to 0.700')
  expect(searchFinding([training(1, 0.75), training(2, 0.75)])).toBe('No trial is better than the start, at 0.750')
  expect(searchFinding([])).toBe('No trial is known yet')
})
