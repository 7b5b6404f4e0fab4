import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as v from 'valibot'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { BudgetComparison } from '../../../src-main/contract/comparison.ts'
import { planCellSchema, planSummarySchema, type Ablation } from '../../../src-main/contract/plan-run.ts'
import { warningProblem } from '../../../src-main/contract/problems.ts'
import { openLibrary, type Library } from '../../../src-main/library/open-library.ts'
import type { PlanPatch } from '../../../src-main/library/plan-types.ts'
import { silentLog } from '../../../src-main/platform/log.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from './plan-support.ts'
import { temporaryFolder } from './support.ts'

let folder: string
let library: Library
beforeEach(() => {
  folder = temporaryFolder()
  library = openLibrary({ folder, log: silentLog })
  onTestFinished(() => library.close())
})

test('a plan is kept with its cells in their order, and listed newest first with what is done', () => {
  const { plans } = library
  const first = insertPlan(plans, planOf('a', {}, { importedFrom: { appVersion: '0.9.0', at: '2026-01-01T00:00:00.000Z' } }))
  insertPlan(plans, planOf('b', { preset: 'quick_look', budgets: [null] }))
  expect(plans.get('a')).toEqual(first)
  expect(plans.get('nothing')).toBeNull()
  plans.setResult('a', resultOf('t/-/-/base', [1, 0]))
  plans.patchCell('a', 't/100/1/own', { state: 'failed', problems: [warningProblem('loss-diverged', 'it ran away')] })
  const [newest, older] = plans.list().map((one) => v.parse(planSummarySchema, one))
  expect(newest).toMatchObject({ id: 'b', preset: 'quick_look', total: 3, done: 0, failed: 0 })
  expect(older).toEqual({
    ...{ id: 'a', title: 'Plan a', preset: null, state: 'running', createdAt: '2026-01-01T00:00:00.000Z', endedAt: null },
    ...{ archived: false, baseName: 'tiny', tasks: ['t'], done: 1, failed: 1, total: 3, headline: null },
  })
  expect(plans.cells('b').map(({ id, budget, seed }) => [id, budget, seed])).toEqual([
    ['t/all/1/own', 'all', 1],
    ['t/-/-/base', null, null],
    ['t/all/2/own', 'all', 2],
  ])
  expect([plans.cells('b', 't').length, plans.cells('b', 'u').length]).toEqual([3, 0])
  expect(plans.cells('a').map(({ id, state, problems }) => [id, state, problems.map(({ code }) => code)])).toEqual([
    ['t/100/1/own', 'failed', ['loss-diverged']],
    ['t/-/-/base', 'done', []],
    ['t/100/2/own', 'waiting', []],
  ])
})

test('what changes of a plan is changed, and nothing else', () => {
  const { plans } = library
  const plan = insertPlan(plans, planOf('a'))
  const patch: PlanPatch = {
    ...{ state: 'done', endedAt: '2026-01-02T00:00:00.000Z', archived: true, baseline: 'own', headline: 'Train.', process: 'p 1' },
    ...{ provenance: { base: 'hash' }, problems: [warningProblem('task-small', 'few')] },
  }
  plans.patch('a', patch)
  expect(plans.get('a')).toEqual({ ...plan, ...patch })
  plans.patch('a', { baseline: null, process: null })
  expect(plans.get('a')).toEqual({ ...plan, ...patch, baseline: null, process: null })
})

test('a result makes its cell done and comes back whole; the same cell again is replaced', () => {
  const { plans } = library
  insertPlan(plans, planOf('a'))
  const adapter = { name: 'mine', contentHash: 'c', tensorHash: 't', path: null }
  const result = resultOf('t/100/1/own', [1, 0.1, 1 / 3, 0], { adapter, problems: [warningProblem('no-validation', 'none')] })
  plans.setResult('a', result, { adapterId: 'id', jobId: 'job' })
  expect(plans.result('a', 't/100/1/own')).toEqual(result)
  expect(plans.result('a', 't/100/2/own')).toBeNull()
  const cell = v.parse(planCellSchema, plans.cells('a')[0])
  expect(cell).toMatchObject({
    ...{ state: 'done', adapterId: 'id', jobId: 'job', adapterName: 'mine', n: 4, appVersion: '1.0.0', cost: result.cost },
    problems: [{ code: 'no-validation' }],
  })
  expect(cell.value).toBeCloseTo((1 + 0.1 + 1 / 3) / 4, 15)
  plans.setResult('a', resultOf('t/100/1/own', [1, 1]))
  expect(plans.cells('a')[0]).toMatchObject({ value: 1, n: 2, adapterId: 'id', jobId: 'job', adapterName: null })
  expect(plans.result('a', 't/100/1/own')?.values).toEqual([1, 1])
  expect(() => plans.setResult('a', resultOf('t/100/9/own', [1]))).toThrow('the plan a has no cell t/100/9/own')
  expect(() => plans.setResult('nothing', resultOf('t/100/1/own', [1]))).toThrow('no cell')
})

test('values of done cells are read packed, and lists of equal ids are kept once', () => {
  const { plans } = library
  insertPlan(plans, planOf('a'))
  plans.setResult('a', resultOf('t/-/-/base', [0, 1, 0.5]))
  plans.setResult('a', resultOf('t/100/1/own', [1, 1, 0.25]))
  plans.setResult('a', resultOf('t/100/2/own', [1, 0], { exampleIds: ['e5', 'e6'] }))
  const values = plans.values('a')
  expect([...values].map(([cell, { values: numbers }]) => [cell, [...numbers]])).toEqual([
    ['t/100/1/own', [1, 1, 0.25]],
    ['t/-/-/base', [0, 1, 0.5]],
    ['t/100/2/own', [1, 0]],
  ])
  expect(values.get('t/100/1/own')?.exampleIds).toBe(values.get('t/-/-/base')?.exampleIds)
  expect(values.get('t/100/2/own')?.exampleIds).toEqual(['e5', 'e6'])
  expect([...plans.values('a', ['t/-/-/base', 'unknown'])].map(([cell, { values: numbers }]) => [cell, [...numbers]])).toEqual([
    ['t/-/-/base', [0, 1, 0.5]],
  ])
  expect(plans.predictions('a', ['t/-/-/base', 'unknown'])).toEqual(new Map([['t/-/-/base', ['no', 'yes', 'no']]]))
  // A cell that is run again counts when it is done again.
  plans.patchCell('a', 't/-/-/base', { state: 'running' })
  expect([...plans.values('a').keys()]).toEqual(['t/100/1/own', 't/100/2/own'])
  expect(plans.cells('a')[1]).toMatchObject({ id: 't/-/-/base', value: null, n: 0, cost: null, appVersion: null })
})

test('the revision grows with the results alone', () => {
  const { plans } = library
  insertPlan(plans, planOf('a'))
  const grown = (work: () => void): number => {
    const before = plans.revision('a')
    work()
    return plans.revision('a') - before
  }
  expect(plans.revision('a')).toBe(0)
  expect(plans.revision('unknown')).toBe(0)
  expect(grown(() => plans.patchCell('a', 't/-/-/base', { state: 'running' }))).toBe(0)
  expect(grown(() => plans.setResult('a', resultOf('t/-/-/base', [1])))).toBe(1)
  expect(grown(() => plans.patchCell('a', 't/-/-/base', { jobId: 'job' }))).toBe(0)
  expect(grown(() => plans.patch('a', { headline: 'x' }))).toBe(0)
  expect(grown(() => plans.patchCell('a', 't/-/-/base', { state: 'failed' }))).toBe(1)
})

test('tasks are kept with their examples, which are read only when asked', () => {
  const { plans } = library
  insertPlan(plans, planOf('a'))
  const task = planTaskOf('t', 3)
  plans.setTask('a', planTaskOf('t', 1))
  plans.setTask('a', task)
  expect(plans.tasks('a')).toEqual([task])
  expect([plans.task('a', 't'), plans.task('a', 'u')]).toEqual([task, null])
  const { examples: _, ...facts } = task
  expect(plans.taskFacts('a')).toEqual([{ ...facts, n: 3 }])
})

test('comparisons are kept for each baseline with their key, ablations for each cell', () => {
  const { plans } = library
  insertPlan(plans, planOf('a'))
  const comparison: BudgetComparison = {
    ...{ budget: 100, baseline: 'base', estimates: [], comparisons: [], tallies: [], verdicts: [], stairs: [], costGain: [] },
  }
  const problems = [warningProblem('task-small', 'few')]
  plans.setComparison('a', 'base', { key: '1', comparisons: [comparison], problems })
  plans.setComparison('a', 'own', { key: '1 own', comparisons: [], problems: [] })
  expect(plans.comparison('a', 'base')).toEqual({ key: '1', comparisons: [comparison], problems })
  plans.setComparison('a', 'base', { key: '2', comparisons: [], problems: [] })
  expect([plans.comparison('a', 'base')?.key, plans.comparison('a', 'own')?.key, plans.comparison('a', 'other')]).toEqual([
    '2',
    '1 own',
    null,
  ])
  const ablation: Ablation = { cell: 't/100/1/own', state: 'running', jobId: 'j', n: 0, full: null, rows: [], problems: [] }
  plans.setAblation('a', ablation)
  plans.setAblation('a', { ...ablation, state: 'done', n: 9 })
  expect(plans.ablations('a')).toEqual([{ ...ablation, state: 'done', n: 9 }])
})

test('a removed plan leaves nothing behind, and the others stay', () => {
  const { plans } = library
  for (const id of ['a', 'b']) {
    insertPlan(plans, planOf(id))
    plans.setTask(id, planTaskOf('t', 2))
    plans.setResult(id, resultOf('t/-/-/base', [1, 0]))
    plans.setComparison(id, 'base', { key: '1', comparisons: [], problems: [] })
    plans.setAblation(id, { cell: 'c', state: 'done', jobId: null, n: 0, full: null, rows: [], problems: [] })
  }
  plans.remove(['a', 'unknown'])
  expect(plans.list().map(({ id }) => id)).toEqual(['b'])
  const db = new Database(join(folder, 'library.sqlite'), { readonly: true })
  const tables = ['plan_cells', 'plan_tasks', 'plan_example_lists', 'plan_results', 'plan_answers', 'plan_comparisons', 'plan_ablations']
  const counts = tables.map((table) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())
  db.close()
  expect(counts).toEqual([3, 1, 1, 1, 1, 1, 1])
})
