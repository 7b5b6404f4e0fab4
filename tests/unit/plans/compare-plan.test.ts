import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import type { PlanFileInput } from '../../../src-main/contract/plan.ts'
import { planDetailSchema, type CellResult } from '../../../src-main/contract/plan-run.ts'
import { describePlan } from '../../../src-main/plans/plan-detail.ts'
import { insertPlan, planOf, planTaskOf, resultOf } from '../library/plan-support.ts'
import { openPlanBench, right, type PlanBench } from './plan-library.ts'

const arms: PlanFileInput['arms'] = [
  { kind: 'base', id: 'base', role: 'base' },
  { kind: 'train', id: 'own', role: 'own' },
  { kind: 'tune', id: 'tuned', role: 'merged' },
  { kind: 'tune', id: 'tuned_own', role: 'mergedWithOwn', withOwn: true },
  { kind: 'control', id: 'retuned', role: 'retuned', control: 'retuned_own' },
  { kind: 'control', id: 'random_own', role: 'randomWithOwn', control: 'random_parameters_with_own' },
]

/** A plan with results: cells by id, each with how many of 100 examples are right, or its values. */
function withResults(
  bench: PlanBench,
  given: Partial<PlanFileInput>,
  results: Readonly<Record<string, number | readonly number[]>>,
  more: Partial<CellResult> = {},
): void {
  const { plans } = bench
  const plan = insertPlan(plans, planOf('p', { arms, seeds: [1], ...given }))
  for (const task of plan.file.tasks) plans.setTask('p', planTaskOf(task, 100))
  for (const [cell, values] of Object.entries(results)) {
    plans.setResult('p', resultOf(cell, typeof values === 'number' ? right(values) : values, more))
  }
}

const get = (bench: PlanBench, baseline: string | null = null) => v.parse(planDetailSchema, describePlan(bench, 'p', baseline))
const rounded = (value: number | undefined) => Number(value?.toFixed(6)) + 0

describe('budgets', () => {
  test('the base model takes part in every one, estimates and differences are those of their values', () => {
    const bench = openPlanBench()
    withResults(bench, { budgets: [10, 30] }, { 't/-/-/base': 40, 't/10/1/own': 50, 't/30/1/own': 70, 't/10/1/tuned': 45 })
    const { comparisons, headline } = get(bench)
    expect(comparisons.map(({ budget, baseline }) => [budget, baseline])).toEqual([
      [10, 'base'],
      [30, 'base'],
    ])
    expect(comparisons.map(({ estimates }) => estimates.map(({ arm, interval }) => [arm, interval.value]))).toEqual([
      [
        ['base', 0.4],
        ['own', 0.5],
        ['tuned', 0.45],
      ],
      [
        ['base', 0.4],
        ['own', 0.7],
      ],
    ])
    const [, large] = comparisons
    expect(large!.comparisons.map(({ arm, to, interval }) => [arm, to, rounded(interval.value)])).toEqual([['own', 'base', 0.3]])
    expect(large!.comparisons[0]!.pValue).toBeCloseTo(2 / 2 ** 30, 15)
    expect(large!.verdicts).toHaveLength(1)
    expect(large!.verdicts[0]!.statement).toContain('Base 40.0. Your own LoRA on the same 100 examples 70.0.')
    // The largest budget speaks for the plan.
    expect(headline).toBe(large!.verdicts[0]!.headline)
    expect(bench.plans.list()[0]!.headline).toBe(headline)
    expect(headline).toMatch(/^No verdict: there is no result of /)
  })

  test('the asked baseline goes before the pinned one, that before the base model; one that is not in the plan is passed over', () => {
    const bench = openPlanBench()
    withResults(bench, {}, { 't/-/-/base': 40, 't/100/1/own': 50 })
    const baselineOf = (asked: string | null) => get(bench, asked).comparisons[0]!.baseline
    expect(baselineOf(null)).toBe('base')
    bench.plans.patch('p', { baseline: 'own' })
    expect([baselineOf(null), baselineOf('base'), baselineOf('unknown')]).toEqual(['own', 'base', 'own'])
    const { comparisons, baseline } = get(bench)
    expect(baseline).toBe('own')
    expect(comparisons[0]!.comparisons.map(({ arm, to, interval }) => [arm, to, rounded(interval.value)])).toEqual([['base', 'own', -0.1]])
  })

  test('a plan without results has nothing to compare', () => {
    const bench = openPlanBench()
    withResults(bench, {}, {})
    expect(get(bench)).toMatchObject({ comparisons: [], curves: [], costs: [], headline: null, done: 0, total: 6 })
  })
})

test('the verdict is that of the roles, and the stairs go from the base model to the best', () => {
  const bench = openPlanBench()
  withResults(
    bench,
    {},
    {
      ...{
        't/-/-/base': 10,
        't/100/1/tuned': 30,
        't/100/1/own': 40,
        't/100/1/random_own': 50,
        't/100/1/tuned_own': 80,
        't/100/1/retuned': 41,
      },
    },
  )
  const { comparisons, headline } = get(bench)
  expect(comparisons[0]!.verdicts.map(({ task, verdict }) => [task, verdict.outcome, verdict.rule])).toEqual([['t', 'recycling-helps', 4]])
  expect(headline).toContain('These LoRAs add something')
  const [{ task, steps }] = comparisons[0]!.stairs as [(typeof comparisons)[0]['stairs'][0]]
  expect(task).toBe('t')
  expect(steps.map(({ arm, value, from, added }) => [arm, value, from, added && rounded(added.value)])).toEqual([
    ['base', 0.1, null, null],
    ['tuned', 0.3, 'base', 0.2],
    ['own', 0.4, 'tuned', 0.1],
    ['random_own', 0.5, 'own', 0.1],
    ['tuned_own', 0.8, 'random_own', 0.3],
  ])
})

test('where less is better, differences are improvements and values keep their unit', () => {
  const bench = openPlanBench()
  const losses = (mean: number) => Array.from({ length: 40 }, (_, index) => mean + (index % 2 === 0 ? 0.25 : -0.25))
  withResults(bench, {}, { 't/-/-/base': losses(3), 't/100/1/own': losses(1), 't/100/1/tuned': losses(4) }, { metric: 'mean_loss' })
  bench.plans.setTask('p', planTaskOf('t', 40, { metric: 'mean_loss', direction: 'lower' }))
  const { comparisons, tasksInfo } = get(bench)
  const [{ estimates, comparisons: differences, verdicts, stairs }] = comparisons as [(typeof comparisons)[0]]
  const own = estimates.find(({ arm }) => arm === 'own')!
  expect(rounded(own.interval.value)).toBe(1)
  expect(own.interval.low).toBeLessThan(own.interval.value)
  expect(own.interval.high).toBeGreaterThan(own.interval.value)
  expect(differences.map(({ arm, interval, pValue }) => [arm, rounded(interval.value), pValue])).toEqual([
    ['own', 2, null],
    ['tuned', -1, null],
  ])
  expect(stairs[0]!.steps.map(({ arm, value, added }) => [arm, rounded(value), added && rounded(added.value)])).toEqual([
    ['base', 3, null],
    ['tuned', 4, -1],
    ['own', 1, 3],
  ])
  expect(verdicts[0]!.verdict.outcome).toBe('harmful')
  expect(verdicts[0]!.statement).toContain('Base 3.000.')
  expect(tasksInfo[0]).toMatchObject({ n: 40, detectable: null })
})

describe('what is not whole', () => {
  test('seeds that failed: arms are compared over those that both have, and it is said', () => {
    const bench = openPlanBench()
    withResults(bench, { seeds: [1, 2, 3] }, { 't/-/-/base': 40, 't/100/1/own': 50, 't/100/2/own': 60, 't/100/3/own': 10 })
    bench.plans.setResult('p', resultOf('t/100/2/tuned', right(70)))
    bench.plans.setResult('p', resultOf('t/100/3/tuned', right(30)))
    bench.plans.patchCell('p', 't/100/1/tuned', { state: 'failed' })
    const { comparisons, problems } = get(bench, 'own')
    const tuned = comparisons[0]!.comparisons.find(({ arm }) => arm === 'tuned')!
    // Seed 2: 70 - 60, seed 3: 30 - 10.
    expect(rounded(tuned.interval.value)).toBe(0.15)
    expect(comparisons[0]!.estimates.map(({ arm, seeds }) => [arm, seeds])).toEqual([
      ['base', 1],
      ['own', 3],
      ['tuned', 2],
    ])
    expect(problems.map(({ code, message }) => [code, message])).toEqual([
      ['cells-failed', 'The arm tuned has no result for seed 1 on t: it is compared over the seeds that both arms have.'],
    ])
    bench.plans.patchCell('p', 't/100/2/tuned', { state: 'left' })
    bench.plans.patchCell('p', 't/100/3/tuned', { state: 'left' })
    expect(get(bench).problems.map(({ message }) => message)).toEqual([
      'The arm tuned has no result for seeds 1, 2, 3 on t: it is left out there.',
    ])
  })

  test('other example ids than the baseline: refused, with a problem', () => {
    const bench = openPlanBench()
    withResults(bench, { seeds: [1, 2] }, { 't/-/-/base': 40, 't/100/1/own': 50, 't/100/1/tuned': 60 })
    const exampleIds = Array.from({ length: 100 }, (_, index) => `other ${index}`)
    bench.plans.setResult('p', resultOf('t/100/2/own', right(90), { exampleIds }))
    bench.plans.setResult('p', resultOf('t/100/1/tuned', right(90), { exampleIds }))
    const { comparisons, problems } = get(bench)
    expect(comparisons[0]!.comparisons.map(({ arm, interval }) => [arm, rounded(interval.value)])).toEqual([['own', 0.1]])
    expect(problems.map(({ code, severity, where }) => [code, severity, where?.field])).toEqual([
      ['examples-differ', 'error', 'arms.own'],
      ['examples-differ', 'error', 'arms.tuned'],
    ])
  })

  test('results of another version are shown and compared, with a warning', () => {
    const bench = openPlanBench()
    withResults(bench, {}, { 't/-/-/base': 40, 't/100/1/own': 50 }, { appVersion: '0.9.0' })
    expect(get(bench).problems).toMatchObject([
      { code: 'versions-differ', severity: 'warning', message: 'The results are those of version 0.9.0; this is 1.0.0.' },
    ])
    bench.plans.setResult('p', resultOf('t/100/1/own', right(50)))
    expect(get(bench).problems.map(({ message }) => message)).toEqual([
      'Results of different versions are compared with each other: 0.9.0, 1.0.0.',
    ])
    expect(get(bench).comparisons[0]!.comparisons).toHaveLength(1)
  })

  test('fewer than 30 test examples are called an anecdote, in the problems and in the verdict', () => {
    const bench = openPlanBench()
    withResults(bench, {}, { 't/-/-/base': right(4, 12), 't/100/1/own': right(8, 12), 't/100/1/tuned_own': right(9, 12) })
    const { comparisons, problems } = get(bench)
    expect(problems.map(({ code }) => code)).toEqual(['task-small'])
    expect(comparisons[0]!.verdicts[0]!.strength).toContain('Fewer than 30 test examples: an anecdote.')
    expect(comparisons[0]!.verdicts[0]!.toDecide).toMatch(/^About [\d,]+ test examples \(there are 12\)/)
  })

  test('a mean over tasks leaves out tasks that an arm lacks, and there is none over unlike units', () => {
    const bench = openPlanBench()
    withResults(
      bench,
      { tasks: ['t', 'u', 'w'] },
      {
        ...{ 't/-/-/base': 40, 'u/-/-/base': 50, 'w/-/-/base': 20 },
        ...{ 't/100/1/own': 60, 'u/100/1/own': 60 },
      },
    )
    const { comparisons, problems } = get(bench)
    const mean = comparisons[0]!.estimates.filter(({ task }) => task === null)
    expect(mean.map(({ arm, interval, examples }) => [arm, rounded(interval.value), examples])).toEqual([
      ['base', 0.45, 200],
      ['own', 0.6, 200],
    ])
    expect(comparisons[0]!.tallies).toEqual([{ arm: 'own', to: 'base', wins: 2, ties: 0, losses: 0 }])
    expect(problems.map(({ code, message }) => [code, message])).toEqual([
      ['results-missing', 'Means over tasks leave out 1 of 3: not every arm has results there (own).'],
    ])
    bench.plans.setResult('p', resultOf('w/100/1/own', right(90)))
    expect(get(bench).problems).toEqual([])
    const [{ costGain }] = get(bench).comparisons as [ReturnType<typeof get>['comparisons'][0]]
    expect(costGain.map(({ arm, gain }) => [arm, rounded(gain.value)])).toEqual([['own', 0.333333]])
    bench.plans.setTask('p', planTaskOf('w', 100, { metric: 'mean_loss', direction: 'lower' }))
    bench.plans.setResult('p', resultOf('w/100/1/own', right(90)))
    const mixed = get(bench)
    expect(mixed.problems.map(({ code }) => code)).toEqual(['units-differ'])
    expect(mixed.comparisons[0]!.verdicts.map(({ task }) => task)).toEqual(['t', 'u', 'w'])
    expect([mixed.comparisons[0]!.costGain, mixed.headline]).toEqual([[], null])
  })
})

test('costs are summed by arm and budget, and set against the gain as if each arm were alone', () => {
  const bench = openPlanBench()
  withResults(bench, { seeds: [1, 2] }, { 't/-/-/base': 40, 't/100/1/own': 60, 't/100/2/own': 70 })
  const { costs, comparisons } = get(bench)
  expect(
    costs.map(({ arm, budget, cost }) => [arm, budget, cost.spent.tokens, cost.learning.seconds, cost.selection.adapters, cost.device]),
  ).toEqual([
    ['own', 100, 220, 4, 3, 'cpu'],
    ['base', null, 110, 2, 3, 'cpu'],
  ])
  expect(comparisons[0]!.costGain.map(({ arm, tokens, seconds, gain }) => [arm, tokens, seconds, rounded(gain.value)])).toEqual([
    ['own', 220, 6, 0.25],
  ])
})

test('provenance holds what the plan says and what its cells and tasks tell', () => {
  const bench = openPlanBench()
  withResults(bench, { seeds: [1, 2] }, { 't/-/-/base': 40 })
  bench.plans.patch('p', { provenance: { baseModel: 'hash of tiny', devices: 'two of them' } })
  expect(get(bench).provenance).toEqual({
    ...{ seeds: '1, 2', resultVersions: '1.0.0', 'task t': 'hash of t', baseModel: 'hash of tiny', devices: 'two of them' },
  })
  expect(get(bench).tasksInfo).toEqual([
    {
      task: 't',
      title: 'Task t',
      metric: 'exact_match',
      n: 100,
      detectable: expect.closeTo(2.8015852 * Math.sqrt(0.2 / 100), 6) as number,
    },
  ])
})
