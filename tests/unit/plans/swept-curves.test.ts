import { expect, test } from 'vitest'
import { planPresets } from '../../../src-main/contract/plan-presets.ts'
import type { PlanFileInput } from '../../../src-main/contract/plan.ts'
import { describePlan } from '../../../src-main/plans/plan-detail.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../library/plan-support.ts'
import { openPlanBench, right } from './plan-library.ts'

/** Curves of a preset whose arms get so many of 100 examples right. */
function curvesOf(preset: string, correct: (arm: string, budget: number | 'all' | null) => number, given: Partial<PlanFileInput> = {}) {
  const bench = openPlanBench()
  const { plan } = planPresets.find(({ id }) => id === preset)!
  const file = { budgets: [...plan.budgets], seeds: [1], arms: plan.arms as PlanFileInput['arms'], ...given }
  insertPlan(bench.plans, planOf('p', file))
  bench.plans.setTask('p', planTaskOf('t', 100))
  for (const cell of bench.plans.cells('p')) bench.plans.setResult('p', resultOf(cell.id, right(correct(cell.arm, cell.budget))))
  return describePlan(bench, 'p')!.curves.map(({ series, ...curve }) => ({
    ...curve,
    series: series.map(({ label, points }) => [label, points.map(({ x, arm, interval, examples }) => [x, arm, interval.value, examples])]),
  }))
}

test('arms that differ in the number left out make a curve', () => {
  const curves = curvesOf('relevance', (arm) => (arm.startsWith('skip_') ? 80 - Number(arm.slice(5)) : 40))
  expect(curves).toEqual([
    {
      ...{ id: 'skip', axis: 'Best adapters left out', budget: 100 },
      series: [['With my LoRA', [0, 5, 10, 15, 20].map((skip) => [skip, `skip_${skip}`, (80 - skip) / 100, 100])]],
    },
  ])
})

test('arms that differ in K make curves without and with the own LoRA', () => {
  const curves = curvesOf('adapters', (arm) => Number(/\d+$/.exec(arm)?.[0] ?? 3) + (arm.includes('own') ? 40 : 0))
  expect(curves).toEqual([
    {
      ...{ id: 'k', axis: 'K, adapters merged', budget: 100 },
      series: [
        ['Without my LoRA', [5, 10, 20, 30].map((k) => [k, `tuned_${k}`, k / 100, 100])],
        ['With my LoRA', [5, 10, 20, 30].map((k) => [k, `tuned_own_${k}`, (k + 40) / 100, 100])],
      ],
    },
  ])
})

test('several budgets make a curve of every arm; all labelled examples are as many as were seen', () => {
  const curves = curvesOf('quick_look', (arm, budget) => (arm === 'base' ? 40 : Number(budget === 'all' ? 70 : budget)), {
    budgets: [30, 10, null],
  })
  expect(curves.map(({ id, budget }) => [id, budget])).toEqual([['budget', null]])
  expect(curves[0]!.series.slice(0, 2)).toEqual([
    [
      'Base model',
      [
        [10, 'base', 0.4, 100],
        [30, 'base', 0.4, 100],
        [100, 'base', 0.4, 100],
      ],
    ],
    [
      'Fresh LoRA',
      [
        [10, 'own', 0.1, 100],
        [30, 'own', 0.3, 100],
        [100, 'own', 0.7, 100],
      ],
    ],
  ])
})

test('a plan that varies nothing has no curves', () => {
  expect(curvesOf('quick_look', () => 50)).toEqual([])
  expect(curvesOf('main_table', () => 50)).toEqual([])
})

test('curves of the same name are told apart by what made them', () => {
  const tune = (preset: string, k: number) => ({ kind: 'tune' as const, id: `${preset}_${k}`, preset, params: { k } })
  const arms = ['recycling_2026', 'tara'].flatMap((preset) => [5, 10].map((k) => tune(preset, k)))
  expect(curvesOf('quick_look', () => 50, { arms })[0]!.series.map(([label]) => label)).toEqual([
    'Without my LoRA: recycling_2026',
    'Without my LoRA: tara',
  ])
})
