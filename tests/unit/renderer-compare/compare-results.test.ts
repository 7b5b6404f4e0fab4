import { expect, test } from 'vitest'
import type { PlanDetail } from '../../../src-main/contract/plan-run.ts'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import {
  comparisonAt,
  countCells,
  fractionDone,
  layOutGrid,
  mergedCells,
  placeOf,
  stepOf,
  totalsOf,
  verdictAt,
} from '../../../src-renderer/state/compare-results.ts'
import { rightAndWrong } from '../../../src-renderer/state/compare-examples.svelte.ts'
import { makePlanDetail } from '../../helpers/plan-detail.ts'

const mainTable = planPresets.find(({ id }) => id === 'main_table')!.plan.arms

test('the largest budget is shown until another is chosen', () => {
  const detail = makePlanDetail({ budgets: [10, null, 30] })
  expect([comparisonAt(detail, null)?.budget, comparisonAt(detail, 30)?.budget, comparisonAt(detail, 100)?.budget]).toEqual([
    'all',
    30,
    'all',
  ])
  const begun = detail.comparisons.map((comparison) => (comparison.budget === 'all' ? { ...comparison, estimates: [] } : comparison))
  expect(comparisonAt({ comparisons: begun }, null)?.budget).toBe(30)
  expect(comparisonAt({ comparisons: [] }, null)).toBeNull()
})

test('numbers are of the chosen task, else over all; of the first measured one where there is no mean', () => {
  const one = comparisonAt(makePlanDetail(), null)
  expect(placeOf(one, null)).toBe('sentiment_stars')
  expect(verdictAt(one, placeOf(one, null))?.task).toBe('sentiment_stars')
  const several = comparisonAt(makePlanDetail({ tasks: ['one', 'two'] }), null)!
  expect([placeOf(several, null), placeOf(several, 'two'), placeOf(several, 'gone')]).toEqual([null, 'two', null])
  expect(verdictAt(several, null)?.task).toBeNull()
  expect(verdictAt(several, 'two')?.task).toBe('two')
  const begun = { estimates: several.estimates.filter(({ task }) => task === 'two') }
  expect([placeOf(begun, null), placeOf(begun, 'one')]).toEqual(['two', 'two'])
  expect([placeOf({ estimates: [] }, 'one'), placeOf(null, 'one'), verdictAt({ verdicts: [] }, null)]).toEqual([null, null, null])
})

test('every cell of a plan has one place in the grid, and cells of an arm fill its row', () => {
  const detail = makePlanDetail({ arms: mainTable, tasks: ['one', 'two'], budgets: [10, 100], seeds: [1, 2, 3] })
  const grid = layOutGrid(detail, null)
  expect(grid.columns).toHaveLength(2 * 2 * 3)
  expect(grid.columns[0]?.words).toBe('One, 10 examples, seed 1')
  expect(grid.rows.flatMap(({ cells }) => cells)).toHaveLength(detail.cells.length)
  for (const row of grid.rows) {
    expect(row.cells.reduce((sum, { span }) => sum + span, 0)).toBe(grid.columns.length)
    let at = 0
    for (const cell of row.cells) {
      expect(cell.at).toBe(at)
      at += cell.span
    }
  }
  const spans = (arm: string) => grid.rows.find((row) => row.arm === arm)?.cells.map(({ span }) => span)
  expect([spans('base'), spans('best_single'), spans('own')?.length]).toEqual([[6, 6], [3, 3, 3, 3], 12])
})

test('a grid of one task has its jobs only', () => {
  const grid = layOutGrid(makePlanDetail({ tasks: ['one', 'two'], seeds: [1, 2] }), 'two')
  expect(grid.columns.map(({ task }) => task)).toEqual(['two', 'two'])
  expect(grid.rows.every(({ cells }) => cells.every(({ cell }) => cell.task === 'two'))).toBe(true)
})

test('cells are counted by state', () => {
  const states = ['done', 'done', 'failed', 'left', 'running', 'waiting'] as const
  expect(countCells(states.map((state) => ({ state })))).toEqual({ done: 2, failed: 1, left: 1, running: 1, waiting: 1, total: 6 })
})

test('a cell that runs is being made, waits for the test, or is tested; each counts for a part of the plan', () => {
  const progress = (cell: string | null) => ({ cell, stage: 'learning', fraction: 0.5, etaSeconds: null })
  const running = { id: 'a', state: 'running' } as const
  expect([stepOf(running, progress('a')), stepOf(running, progress('b')), stepOf(running, progress(null))]).toEqual([
    'making',
    'made',
    'testing',
  ])
  expect(stepOf({ id: 'a', state: 'done' }, progress('a'))).toBe('done')
  const detail = makePlanDetail()
  const cells = detail.cells
    .slice(0, 4)
    .map((cell, index) => ({ ...cell, state: (['done', 'running', 'running', 'waiting'] as const)[index]! }))
  const parts = { cells, progress: progress(cells[2]!.id) }
  expect(fractionDone(parts)).toBeCloseTo((1 + 0.75 + 0.375) / 4, 12)
  expect(fractionDone({ cells, progress: progress(null) })).toBeCloseTo((1 + 0.875 + 0.875) / 4, 12)
  expect([fractionDone({ cells: [], progress: null }), fractionDone({ cells: detail.cells, progress: null })]).toEqual([0, 1])
})

test('what an arm would take alone is the sum of its four parts', () => {
  const { costs } = makePlanDetail()
  const tuned = costs.find(({ arm }) => arm === 'tuned_own')!.cost
  expect(totalsOf(tuned)).toEqual({ alone: { tokens: 126_000, seconds: 43 }, spent: { tokens: 36_000, seconds: 10.5 } })
})

test('only done merges can be looked into', () => {
  const detail = makePlanDetail({ arms: mainTable })
  const arms = new Set(mergedCells(detail).map(({ arm }) => arm))
  expect([arms.has('tuned'), arms.has('average'), arms.has('random'), arms.has('base'), arms.has('own')]).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  const open: Pick<PlanDetail, 'cells' | 'file'> = { file: detail.file, cells: detail.cells.map((cell) => ({ ...cell, state: 'failed' })) }
  expect(mergedCells(open)).toEqual([])
})

test('a filter of examples says who must be right and who must not', () => {
  const all = ['base', 'own', 'merged']
  expect(rightAndWrong('only-first', 'own', 'base', all)).toEqual({ right: ['own'], wrong: ['base', 'merged'] })
  expect(rightAndWrong('first-not-second', 'own', 'base', all)).toEqual({ right: ['own'], wrong: ['base'] })
  expect(rightAndWrong('second-not-first', 'own', 'base', all)).toEqual({ right: ['base'], wrong: ['own'] })
  expect(rightAndWrong('both', 'own', 'base', all)).toEqual({ right: ['own', 'base'], wrong: [] })
  expect(rightAndWrong('none', 'own', null, all)).toEqual({ right: [], wrong: all })
  expect(rightAndWrong('not-first', 'own', null, all)).toEqual({ right: [], wrong: ['own'] })
})
