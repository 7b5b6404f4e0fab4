import { describe, expect, it } from 'vitest'
import { intervalFinding, intervalTable, layOutIntervals, type Estimate } from '../../../src-renderer/charts/intervals.ts'
import { layOutTaskMatrix, taskMatrixTable } from '../../../src-renderer/charts/task-matrix.ts'
import { resultsOf } from './fixture.ts'

const estimate = (key: string, value: number, half: number, role: Estimate['role'] = 'plain'): Estimate => ({
  key,
  label: key,
  value,
  low: value - half,
  high: value + half,
  n: 200,
  role,
})

describe('estimates with intervals', () => {
  const estimates = [
    estimate('base', 0.5, 0.05, 'base'),
    estimate('worse', 0.3, 0.04),
    estimate('better', 0.9, 0.03),
    estimate('open', 0.52, 0.05),
  ]
  const options = { width: 400, rowHeight: 20, direction: 'higher', bounds: [0, 1] } as const

  it('stand from the best to the worst, by the direction of the metric', () => {
    expect(layOutIntervals(estimates, options).rows.map(({ key }) => key)).toEqual(['better', 'open', 'base', 'worse'])
    expect(layOutIntervals(estimates, { ...options, direction: 'lower' }).rows.map(({ key }) => key)).toEqual([
      'worse',
      'base',
      'open',
      'better',
    ])
  })
  it('lie on one axis that holds every interval and does not leave the bounds', () => {
    const { rows, base, ticks, height } = layOutIntervals([...estimates, estimate('top', 0.99, 0.2)], options)
    for (const row of rows) {
      expect(row.from).toBeLessThanOrEqual(row.at)
      expect(row.at).toBeLessThanOrEqual(row.to)
    }
    expect(Math.max(...ticks.map(({ value }) => value))).toBeLessThanOrEqual(1)
    expect(base).toBe(rows.find(({ key }) => key === 'base')?.at)
    expect(height).toBe(100)
  })
  it('say how many are clearly apart from the base model', () => {
    expect(intervalFinding('Exact match', estimates, 'higher')).toBe(
      'Exact match: 1 of 3 clearly better than the base model, 1 clearly worse',
    )
    expect(intervalFinding('Loss', estimates, 'lower')).toBe('Loss: 1 of 3 clearly better than the base model, 1 clearly worse')
    expect(intervalFinding('Exact match', [estimates[0]!, estimates[3]!], 'higher')).toBe(
      'Exact match: none is clearly apart from the base model',
    )
    expect(intervalFinding('Exact match', [estimates[1]!], 'higher')).toBe('Exact match')
  })
  it('are numbers in the table', () => {
    expect(intervalTable([estimate('one', 0.5, 0.25)]).rows).toEqual([['one', 0.5, 0.25, 0.75, 200]])
  })
})

describe('adapters by tasks', () => {
  const clear = (value: number) => ({ value, low: value - 0.01, high: value + 0.01, n: 50 })
  const results = resultsOf(
    ['exact_match', 'mean_loss'],
    { base: [0.5, 2], one: [0.4, 1.5], two: [0.9, 1.9] },
    { one: [clear(-0.1), clear(-0.5)], two: [clear(0.4), { value: -0.1, low: -0.3, high: 0.1, n: 50 }] },
  )

  it('are signed so that above 0 is better, and stand by their mean gain', () => {
    const matrix = layOutTaskMatrix(results, 10)
    expect(matrix.rows).toEqual(['two', 'one'])
    expect(matrix.reach).toBe(0.5)
    expect(taskMatrixTable(matrix).rows).toEqual([
      ['two', 0.4, 0.1],
      ['one', -0.1, 0.5],
    ])
    expect(matrix.cells.map(({ step }) => step)).toEqual([5, 4, 2, 6])
    expect(matrix.cells.map((cell) => cell.clear)).toEqual([true, false, true, true])
  })
  it('leave out those without room, and say how many', () => {
    expect(layOutTaskMatrix(results, 1)).toMatchObject({ rows: ['two'], leftOut: 1 })
  })
})
