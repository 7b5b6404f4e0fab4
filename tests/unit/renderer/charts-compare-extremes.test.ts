import { describe, expect, it } from 'vitest'
import { agreementCells, agreementFinding, agreementTable } from '../../../src-renderer/charts/agreement.ts'
import { armFinding, armTable, layOutArms, layOutPanels, panelFinding } from '../../../src-renderer/charts/arm-intervals.ts'
import { armTaskFinding, armTaskTable, layOutArmTaskMap } from '../../../src-renderer/charts/arm-task-map.ts'
import { measureOf, type Measure } from '../../../src-renderer/charts/chart-arms.ts'
import { costFinding, costTable, layOutCostGain } from '../../../src-renderer/charts/cost-gain.ts'
import { differenceRows, forestFinding, forestTable, layOutForest } from '../../../src-renderer/charts/forest.ts'
import { layOutStairs, stairsFinding, stairsTable } from '../../../src-renderer/charts/stairs-chart.ts'
import { layOutSwept, sweptFinding, sweptTable } from '../../../src-renderer/charts/swept-curve.ts'
import { layOutMatrix } from '../../../src-renderer/charts/value-cells.ts'
import { largePlan, madeComparison, type MadeComparison } from '../../helpers/comparison-data.ts'

type Interval = MadeComparison['estimates'][number]['interval']

/** The same comparison with every value and difference put through a function. */
function mapped(data: MadeComparison, change: (interval: Interval) => Interval): MadeComparison {
  return {
    ...data,
    estimates: data.estimates.map((one) => ({ ...one, interval: change(one.interval) })),
    comparisons: data.comparisons.map((one) => ({ ...one, interval: change(one.interval) })),
    stairs: data.stairs.map((one) => ({
      ...one,
      value: change({ value: one.value, low: one.value, high: one.value }).value,
      added: one.added && change(one.added),
    })),
    curves: data.curves.map((curve) => ({
      ...curve,
      series: curve.series.map((series) => ({
        ...series,
        points: series.points.map((one) => ({ ...one, interval: change(one.interval) })),
      })),
    })),
    costGain: data.costGain.map((one) => ({ ...one, gain: change(one.gain) })),
  }
}

const small = madeComparison({ tasks: 4, arms: 6, seeds: 2, examples: 50 })
const all = (value: number) => (): Interval => ({ value, low: value, high: value })
const long = 'Merge of forty letters, no fewer than 40'

const cases: readonly (readonly [string, MadeComparison, Measure])[] = [
  ['the largest plan', madeComparison(largePlan), measureOf(['exact_match'])],
  ['one arm and one task', madeComparison({ tasks: 1, arms: 1, seeds: 1, examples: 1 }), measureOf(['exact_match'])],
  ['two arms and one task', madeComparison({ tasks: 1, arms: 2, seeds: 1, examples: 30 }), measureOf(['exact_match'])],
  ['sixty arms', madeComparison({ tasks: 3, arms: 60, seeds: 1, examples: 40 }), measureOf(['exact_match'])],
  ['all values 0', mapped(small, all(0)), measureOf(['exact_match'])],
  ['all values 1', mapped(small, all(1)), measureOf(['exact_match'])],
  ['negative differences', mapped(small, ({ value, low, high }) => ({ value: -value, low: -high, high: -low })), measureOf(['mean_loss'])],
  [
    'losses far from 0',
    mapped(small, ({ value, low, high }) => ({ value: -40 - value, low: -40 - high, high: -40 - low })),
    measureOf(['mean_loss']),
  ],
  [
    'tiny values',
    mapped(small, ({ value, low, high }) => ({ value: value * 1e-9, low: low * 1e-9, high: high * 1e-9 })),
    measureOf(['mean_loss']),
  ],
  ['labels of forty letters', { ...small, arms: small.arms.map((arm) => ({ ...arm, label: long })) }, measureOf(['exact_match'])],
  [
    'nothing measured',
    {
      ...small,
      estimates: [],
      comparisons: [],
      stairs: [],
      curves: [{ id: 'k', axis: 'K', budget: 100, series: [] }],
      costGain: [],
      agreement: { arms: [], n: 0, right: [], both: [], onlyRow: [] },
    },
    measureOf(['exact_match']),
  ],
]

/** Everything that the charts draw, say and list, at a width. */
function drawAll(data: MadeComparison, measure: Measure, width: number) {
  const { arms, tasks, estimates, comparisons, baseline, stairs, curves, costGain, agreement } = data
  const shared = { arms, measure, intervalKind: '95 % bootstrap' }
  const task = tasks.length === 1 ? (tasks[0]?.id ?? null) : null
  const values = { ...shared, estimates, study: { base: 0.467, own: 0.657 } }
  const differences = { ...shared, comparisons, baseline, margin: 0.02, tasks }
  const map = { ...shared, tasks, estimates, comparisons, baseline, order: 'mean' as const }
  const forests = [
    { by: 'arms' as const, task },
    { by: 'tasks' as const, arm: 'own' },
  ].map((wanted) => {
    const rows = differenceRows(differences, wanted)
    return [layOutForest(rows, differences, width), forestFinding(rows, differences, wanted), forestTable(rows, wanted)]
  })
  const maps = (['values', 'differences'] as const).map((show) => {
    const drawn = layOutArmTaskMap({ ...map, show })
    const numbers = drawn.cells.map(({ number }) => number)
    const matrix = layOutMatrix(drawn.rows, drawn.columns, numbers, { width, rowHeight: 18 })
    return [drawn, matrix, armTaskFinding({ ...map, show }, drawn), armTaskTable({ ...map, show })]
  })
  return {
    arms: [layOutArms(values, task, width), armFinding(values, task), armTable(values, null, task)],
    panels: [layOutPanels(values, tasks.slice(0, 8), width), panelFinding(values, tasks), armTable(values, tasks, null)],
    forests,
    maps,
    stairs: [
      layOutStairs({ ...values, steps: stairs }, width),
      stairsFinding({ ...values, steps: stairs }),
      stairsTable({ ...values, steps: stairs }),
    ],
    curves: curves.map((curve) => {
      const input = { ...shared, curve, levels: [{ arm: 'base', value: 0.4 }] }
      return [layOutSwept(input, width), sweptFinding(input), sweptTable(input)]
    }),
    costs: (['tokens', 'seconds'] as const).map((by) => {
      const input = { ...shared, costs: costGain, by }
      return [layOutCostGain(input, width), costFinding(input), costTable(input)]
    }),
    agreement: (['both', 'onlyRow'] as const).map((show) => [
      agreementCells(agreement, arms, show),
      agreementFinding(agreement, arms, show),
      agreementTable(agreement, arms),
    ]),
  }
}

/** Every leaf of some drawing with the way to it. */
function* leaves(value: unknown, path = ''): Generator<readonly [string, unknown]> {
  if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) yield* leaves(inner, `${path}.${key}`)
  else yield [path, value]
}

/** Numbers that are not finite, and texts that show it. */
function strange(drawn: unknown): readonly string[] {
  const found: string[] = []
  for (const [path, leaf] of leaves(drawn)) {
    if (typeof leaf === 'number' && !Number.isFinite(leaf)) found.push(`${path} is ${leaf}`)
    if (typeof leaf === 'string' && /NaN|undefined|Infinity|not a number/.test(leaf)) found.push(`${path} is ${leaf}`)
  }
  return found
}

describe.each(cases)('%s', (_, data, measure) => {
  it.each([300, 900, 1440])('is drawn with finite numbers and whole words in %i pixels', (width) => {
    expect(strange(drawAll(data, measure, width))).toEqual([])
  })
  it('has its marks inside the plot', () => {
    const { arms, costs } = drawAll(data, measure, 900)
    const { panels, plotWidth } = arms[0] as ReturnType<typeof layOutArms>
    for (const { from, at, to } of panels[0]!.rows)
      expect([from >= -1e-6, from <= at, at <= to, to <= plotWidth + 1e-6]).toEqual([true, true, true, true])
    const cost = costs[0]![0] as ReturnType<typeof layOutCostGain>
    for (const { x, y } of cost.marks) expect([x >= 0, x <= cost.plotWidth, y >= 0, y <= cost.plotHeight]).toEqual([true, true, true, true])
  })
})

it('what is looked for is found: a number that is not finite, a word that says so', () => {
  expect(strange({ a: [1, Number.NaN], b: { c: 'from undefined' }, d: 'fine', e: null })).toEqual(['.a.1 is NaN', '.b.c is from undefined'])
})
