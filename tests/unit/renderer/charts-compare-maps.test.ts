import { scaleLinear } from 'd3-scale'
import { describe, expect, it } from 'vitest'
import type { Agreement, SweptCurve } from '../../../src-main/contract/comparison.ts'
import { agreementCells, agreementFinding, agreementTable } from '../../../src-renderer/charts/agreement.ts'
import { armTaskFinding, armTaskTable, layOutArmTaskMap, mostCells, type ArmTaskInput } from '../../../src-renderer/charts/arm-task-map.ts'
import { thinTicks, ticksAcross, ticksUp } from '../../../src-renderer/charts/axis-ticks.ts'
import { measureOf, type ChartArm, type CostGain } from '../../../src-renderer/charts/chart-arms.ts'
import { costFinding, costTable, layOutCostGain, writeCost } from '../../../src-renderer/charts/cost-gain.ts'
import { cutLabel, nameRoom, textWidth } from '../../../src-renderer/charts/labels.ts'
import { overlaps, placeLabels } from '../../../src-renderer/charts/place-labels.ts'
import { inSentence, layOutSwept, sweptFinding, sweptTable } from '../../../src-renderer/charts/swept-curve.ts'
import { layOutMatrix, rampOver, stepOf } from '../../../src-renderer/charts/value-cells.ts'
import { nextMark } from '../../../src-renderer/charts/walk.ts'

const arms: readonly ChartArm[] = [
  { id: 'base', label: 'Base model', role: 'base' },
  { id: 'own', label: 'Own LoRA', role: 'own' },
  { id: 'merged', label: 'Tuned merge', role: 'merged' },
]
const measure = measureOf(['exact_match'])
const intervalKind = '95 % bootstrap'
const around = (value: number, half: number) => ({ value, low: value - half, high: value + half })

describe('map of tasks and arms', () => {
  const tasks = [
    { id: 'a', title: 'Task A' },
    { id: 'b', title: 'Task B' },
  ]
  const estimateOf = (arm: string, task: string | null, value: number) => ({
    arm,
    task,
    interval: around(value, 0.05),
    examples: 300,
    seeds: 1,
  })
  const comparisonOf = (arm: string, task: string | null, value: number, to = 'base') => ({
    arm,
    to,
    task,
    interval: around(value, 0.05),
    pValue: null,
    adjusted: null,
    detectable: 0.1,
  })
  const input: ArmTaskInput = {
    arms,
    tasks,
    estimates: [
      ...['a', 'b'].flatMap((task, index) => [
        estimateOf('base', task, 0.4 + 0.2 * index),
        estimateOf('own', task, 0.5 + 0.3 * index),
        estimateOf('merged', task, 0.6 + 0.3 * index),
      ]),
      ...arms.map(({ id }) => estimateOf(id, null, 0.6)),
    ],
    comparisons: [
      comparisonOf('own', 'a', 0.1),
      comparisonOf('own', 'b', 0.2),
      comparisonOf('merged', 'a', -0.2),
      comparisonOf('merged', 'b', 0.01),
      comparisonOf('own', 'a', 0.9, 'merged'),
      comparisonOf('own', null, 0.15),
    ],
    baseline: 'base',
    measure,
    intervalKind,
    show: 'values',
    order: 'mean',
  }

  it('stands by means on both sides, the means over the tasks on top', () => {
    const drawn = layOutArmTaskMap(input)
    expect(drawn.columns).toEqual(['Tuned merge', 'Own LoRA', 'Base model'])
    expect(drawn.rows).toEqual(['Mean over the tasks', 'Task B', 'Task A'])
    expect(drawn.cells.filter(({ row }) => row === 2).map(({ number, arm, task }) => [number, arm, task])).toEqual([
      ['60.0', 'merged', 'a'],
      ['50.0', 'own', 'a'],
      ['40.0', 'base', 'a'],
    ])
    expect(drawn.ramp).toEqual({ kind: 'sequential', from: 0.4, to: 0.6 + 0.3, steps: 6 })
    expect(layOutArmTaskMap({ ...input, order: 'given' }).rows).toEqual(['Mean over the tasks', 'Task A', 'Task B'])
    expect(armTaskFinding(input, drawn)).toBe('Tuned merge has the highest mean over 2 tasks')
  })
  it('of differences leaves the baseline and other comparisons out, and marks what is clear', () => {
    const differences: ArmTaskInput = { ...input, show: 'differences' }
    const drawn = layOutArmTaskMap(differences)
    expect(drawn.columns).toEqual(['Own LoRA', 'Tuned merge'])
    expect(drawn.ramp).toEqual({ kind: 'diverging', from: -0.2, to: 0.2, steps: 7 })
    expect(drawn.clear).toEqual({ above: 2, below: 1, of: 4 })
    expect(drawn.cells.filter(({ strong }) => strong)).toHaveLength(4)
    expect(drawn.cells.find(({ arm, task }) => arm === 'merged' && task === 'b')?.text).toBe(
      'Tuned merge, Task B: +1.0 points to Base model, 95 % bootstrap interval from −4.0 to +6.0, not clear',
    )
    expect(armTaskFinding(differences, drawn)).toBe('2 of 4 pairs of arm and task are clearly better than Base model, 1 clearly worse')
    expect(armTaskTable(differences).rows).toEqual([
      ['Mean over the tasks', 0.15, null],
      ['Task A', 0.1, -0.2],
      ['Task B', 0.2, 0.01],
    ])
  })
  it('of more cells than a drawing holds is cut, and the table is not', () => {
    const many = Array.from({ length: 1200 }, (_, index) => ({ id: `t${index}`, title: `T${index}` }))
    const estimates = many.flatMap(({ id }, index) => arms.map((arm) => estimateOf(arm.id, id, index / 1200)))
    const large: ArmTaskInput = { ...input, tasks: many, estimates, comparisons: [] }
    const drawn = layOutArmTaskMap(large)
    expect(drawn.cells).toHaveLength(mostCells)
    expect(drawn.leftOut).toBe(200)
    expect(armTaskTable(large).rows).toHaveLength(1200)
  })
  it('without anything measured says so', () => {
    const empty = layOutArmTaskMap({ ...input, estimates: [], comparisons: [] })
    expect([empty.cells, empty.rows, empty.leading]).toEqual([[], [], 0])
    expect(armTaskFinding(input, empty)).toBe('Nothing is measured yet')
    expect(armTaskFinding({ ...input, show: 'differences' }, empty)).toBe('Nothing can be compared with Base model yet')
  })
})

describe('ramps and matrices', () => {
  it('equal steps of a sequential ramp, a neutral middle of a diverging one', () => {
    const up = rampOver('sequential', [0, 0.6])
    expect([0, 0.05, 0.15, 0.35, 0.59, 0.6].map((value) => stepOf(up, value))).toEqual([0, 0, 1, 3, 5, 5])
    const both = rampOver('diverging', [-0.1, 0.3])
    expect([-0.3, -0.1, 0, 0.04, 0.06, 0.3].map((value) => stepOf(both, value))).toEqual([0, 2, 3, 3, 4, 6])
    expect([stepOf(rampOver('sequential', [0.5, 0.5]), 0.5), stepOf(rampOver('diverging', [0, 0]), 0)]).toEqual([0, 3])
    expect(stepOf(rampOver('sequential', []), 0)).toBe(0)
  })
  it('numbers stand in cells that hold them, names lean where they do not fit', () => {
    const rows = ['one', 'two']
    const wide = layOutMatrix(rows, ['a', 'b'], ['+10.0'], { width: 800, rowHeight: 18 })
    expect([wide.numbered, wide.leaning, wide.cellWidth]).toEqual([true, false, 88])
    const long = 'A label of forty characters, no less here'
    const narrow = layOutMatrix(
      rows,
      Array.from({ length: 60 }, () => long),
      ['+10.0'],
      { width: 800, rowHeight: 18 },
    )
    expect([narrow.numbered, narrow.leaning]).toEqual([false, true])
    expect(narrow.width).toBeLessThanOrEqual(800)
  })
})

describe('swept settings', () => {
  const point = (x: number, value: number, arm = 'merged') => ({ x, arm, interval: around(value, 0.02), examples: 300 })
  const curve: SweptCurve = {
    id: 'skip',
    axis: 'Best adapters left out',
    budget: 100,
    series: [
      { label: 'Tuned merge', points: [point(10, 0.5), point(0, 0.7), point(5, 0.6)] },
      { label: 'With own LoRA', points: [point(0, 0.71, 'own'), point(10, 0.7, 'own')] },
    ],
  }
  const input = { arms, curve, measure, intervalKind, levels: [{ arm: 'base', value: 0.45 }] }
  const drawn = layOutSwept(input, 900)

  it('lie in the order of the setting, in proportion', () => {
    const marks = drawn.series[0]?.marks ?? []
    expect(marks.map(({ setting }) => setting)).toEqual([0, 5, 10])
    expect(marks[1]!.x - marks[0]!.x).toBeCloseTo(marks[2]!.x - marks[1]!.x, 9)
    expect(marks[1]!.y - marks[0]!.y).toBeCloseTo(marks[2]!.y - marks[1]!.y, 9)
    expect(drawn.xTicks.map(({ value }) => value)).toEqual([0, 5, 10])
    expect(marks[2]?.text).toBe(
      'Tuned merge, Best adapters left out 10: 50.0 %, 95 % bootstrap interval from 48.0 % to 52.0 %; n = 300 examples',
    )
  })
  it('are named at their ends without names touching', () => {
    expect(drawn.labels.map(({ text }) => text)).toEqual(['Tuned merge', 'With own LoRA', 'Base model'])
    const heights = drawn.labels.map(({ y }) => y).sort((one, other) => one - other)
    for (const [index, y] of heights.entries()) if (index > 0) expect(y - heights[index - 1]!).toBeGreaterThanOrEqual(15)
  })
  it('are walked along a line, and from one line to that below', () => {
    // Marks: 0, 5 and 10 of the lower line, then 0 and 10 of the upper.
    const walked = (['ArrowRight', 'ArrowUp', 'ArrowDown'] as const).map((key) => nextMark(drawn.places, 0, key))
    expect(walked).toEqual([1, 3, null])
    expect(nextMark(drawn.places, 4, 'ArrowDown')).toBe(2)
  })
  it('over labelled examples are logarithmic', () => {
    const budgets: SweptCurve = {
      ...curve,
      id: 'budget',
      series: [{ label: 'Own', points: [point(10, 0.5), point(100, 0.6), point(1000, 0.7)] }],
    }
    const [first, second, third] = layOutSwept({ ...input, curve: budgets }, 900).series[0]?.marks ?? []
    expect(second!.x - first!.x).toBeCloseTo(third!.x - second!.x, 9)
  })
  it('say the largest change, where it is clear', () => {
    expect(sweptFinding(input)).toBe('Tuned merge falls from 70.0 % to 50.0 % (best adapters left out: 0 to 10)')
    expect(sweptFinding({ ...input, curve: { ...curve, series: curve.series.slice(1) } })).toBe(
      'No line changes clearly (best adapters left out: 0 to 10)',
    )
    expect(sweptFinding({ ...input, curve: { ...curve, series: [{ label: 'x', points: [point(5, 0.4)] }] } })).toBe(
      'Too few settings for a curve over best adapters left out',
    )
    expect([inSentence('K, adapters merged'), inSentence('Labelled examples')]).toEqual(['K, adapters merged', 'labelled examples'])
    expect(sweptTable(input).rows.at(-1)).toEqual(['Base model', null, 0.45, null, null, null])
  })
  it('a single setting stands in the middle', () => {
    const single = layOutSwept({ ...input, levels: [], curve: { ...curve, series: [{ label: 'x', points: [point(5, 0.4)] }] } }, 900)
    expect(single.series[0]?.marks[0]?.x).toBeCloseTo(single.plotWidth / 2, 9)
    expect(single.series[0]?.line).toBe('')
  })
})

describe('cost and gain', () => {
  const costs: readonly CostGain[] = [
    { arm: 'merged', tokens: 1e6, seconds: 600, gain: around(0.2, 0.02) },
    { arm: 'own', tokens: 1e4, seconds: 60, gain: around(0.19, 0.02) },
    { arm: 'base', tokens: 0, seconds: 0, gain: around(0, 0) },
  ]
  const input = { arms, costs, by: 'tokens' as const, measure, intervalKind }
  it('stand from the cheapest, what cost nothing at the left end', () => {
    const drawn = layOutCostGain(input, 900)
    expect(drawn.marks.map(({ arm }) => arm)).toEqual(['base', 'own', 'merged'])
    expect(drawn.marks[0]?.x).toBe(0)
    expect(drawn.marks[0]?.y).toBe(drawn.zero)
    expect(drawn.xTicks[0]).toEqual({ value: 0, at: 0, label: '0' })
    expect(drawn.xTicks.find(({ value }) => value === 1e5)?.label).toBe('100 k')
  })
  it('seconds have the ticks of a clock', () => {
    expect(layOutCostGain({ ...input, by: 'seconds' }, 900).xTicks.map(({ label }) => label)).toEqual([
      '0',
      '1 min',
      '2 min',
      '5 min',
      '10 min',
    ])
  })
  it('say the largest gain and the cheapest clear one', () => {
    expect(costFinding(input)).toBe('Tuned merge gains most, +20.0 points for 1 M tokens; Own LoRA gains +19.0 for 10 k tokens')
    expect(costFinding({ ...input, costs: costs.slice(0, 1) })).toBe(
      'Tuned merge gains most, +20.0 points for 1 M tokens, and is the cheapest that gains clearly',
    )
    expect(costFinding({ ...input, costs: costs.slice(2) })).toBe('No arm gains clearly over the base model')
    expect(costTable(input).rows[1]).toEqual(['Own LoRA', 1e4, 60, 0.19, 0.17, 0.21])
  })
  it('write tokens short', () => {
    expect([0, 950, 1000, 12_345, 500_000, 1.84e6, 2e7, 3.2e9].map((value) => writeCost('tokens', value))).toEqual([
      '0',
      '950',
      '1 k',
      '12.3 k',
      '500 k',
      '1.84 M',
      '20 M',
      '3.2 G',
    ])
    expect(writeCost('seconds', 125)).toBe('2 min 05 s')
  })
  it('names do not cover each other, and say when they have no room', () => {
    const area = { width: 600, height: 300 }
    const marks = Array.from({ length: 40 }, (_, index) => ({ x: 20 + 14 * index, y: 150 + 20 * Math.sin(index), width: 90 }))
    const labels = placeLabels(marks, area)
    const boxes = labels.flatMap((label, index) => (label ? [{ x: label.x, y: label.y - 11, width: marks[index]!.width, height: 14 }] : []))
    expect(boxes.length).toBeGreaterThan(10)
    for (const [index, box] of boxes.entries()) {
      for (const other of boxes.slice(index + 1)) expect(overlaps(box, other)).toBe(false)
      expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= 600 && box.y + box.height <= 300).toBe(true)
    }
    expect(placeLabels([{ x: 20, y: 20, width: 500 }], { width: 100, height: 100 })).toEqual([null])
    // Where there is room above only, the label stands above the interval, not on it.
    const under = placeLabels([{ x: 50, y: 60, width: 90, up: 30, down: 30 }], { width: 100, height: 100 })
    expect(under).toEqual([{ x: 5, y: 60 - 32 - 14 + 11, led: false }])
    expect(placeLabels([{ x: 20, y: 50, width: 40 }], area)).toEqual([{ x: 28, y: 54, led: false }])
  })
})

describe('agreement', () => {
  const agreement: Agreement = {
    arms: ['own', 'merged'],
    n: 10,
    right: [6, 5],
    both: [
      [6, 4],
      [4, 5],
    ],
    onlyRow: [
      [0, 2],
      [1, 0],
    ],
  }
  it('counts both, with the diagonal, and opens what it counts', () => {
    const cells = agreementCells(agreement, arms, 'both')
    expect(cells.map(({ number, value, strong }) => [number, value, strong])).toEqual([
      ['6', 0.6, true],
      ['4', 0.4, false],
      ['4', 0.4, false],
      ['5', 0.5, true],
    ])
    expect(cells.map(({ sets }) => sets)).toEqual([
      { right: ['own'], wrong: [] },
      { right: ['own', 'merged'], wrong: [] },
      { right: ['merged', 'own'], wrong: [] },
      { right: ['merged'], wrong: [] },
    ])
  })
  it('counts what only the row gets right', () => {
    expect(agreementCells(agreement, arms, 'onlyRow').map(({ number, sets, text }) => [number, sets, text])).toEqual([
      ['2', { right: ['own'], wrong: ['merged'] }, 'Own LoRA is right and Tuned merge is wrong on 2 of 10 examples (20.0 %)'],
      ['1', { right: ['merged'], wrong: ['own'] }, 'Tuned merge is right and Own LoRA is wrong on 1 of 10 examples (10.0 %)'],
    ])
    expect(agreementFinding(agreement, arms, 'onlyRow')).toBe('Own LoRA gets 2 of 10 examples right that Tuned merge gets wrong')
    expect(agreementFinding(agreement, arms, 'both')).toBe('Own LoRA and Tuned merge are most often right together: 4 of 10 examples')
  })
  it('the four counts of a pair sum to n', () => {
    for (const row of agreementTable(agreement, arms).rows) {
      const [both, only, other, neither, , n] = row.slice(2) as number[]
      expect(both! + only! + other! + neither!).toBe(n)
    }
    expect(agreementTable(agreement, arms).rows[0]).toEqual(['Own LoRA', 'Tuned merge', 4, 2, 1, 3, 6, 10])
  })
  it('of one arm or no example has no finding', () => {
    const none = 'Two arms with the same test examples are needed'
    expect(agreementFinding({ arms: ['own'], n: 3, right: [1], both: [[1]], onlyRow: [[0]] }, arms, 'both')).toBe(none)
    expect(agreementFinding({ arms: [], n: 0, right: [], both: [], onlyRow: [] }, arms, 'onlyRow')).toBe(none)
  })
})

describe('ticks, names and walking', () => {
  it('labels of ticks do not touch, and an idle nought is left off', () => {
    const ticks = ticksAcross(scaleLinear([0.4, 0.7], [0, 300]), measure.write)
    expect(ticks.map(({ label }) => label)).toEqual(['40 %', '45 %', '50 %', '55 %', '60 %', '65 %', '70 %'])
    expect(ticksAcross(scaleLinear([0.4, 0.41], [0, 200]), measure.write).map(({ label }) => label)[0]).toBe('40.0 %')
    // Differences are written to a tenth of a point: no finer steps.
    const fine = ticksUp(scaleLinear([-0.001, 0.001], [300, 0]), measure.writeDifference)
    expect(fine.map(({ label }) => label)).toEqual(['−0.1', '0.0', '+0.1'])
    const thin = thinTicks([0, 1, 2, 5, 100].map((value) => ({ value, at: value * 5, label: String(value) })))
    expect(thin.map(({ value }) => value)).toEqual([0, 5, 100])
  })
  it('names are cut to their room', () => {
    expect(cutLabel('Own LoRA', 100)).toBe('Own LoRA')
    expect(cutLabel('Own LoRA and random parameters', 100)).toBe('Own LoRA and…')
    expect(textWidth(cutLabel('x'.repeat(40), 100))).toBeLessThanOrEqual(100)
    expect(nameRoom(['abc'], 1000)).toBeLessThan(nameRoom(['x'.repeat(40)], 1000))
    expect(nameRoom(['x'.repeat(40)], 500)).toBe(160)
  })
  it('arrow keys lead to the nearest mark, in the row first', () => {
    const places = [
      { row: 0, column: 0 },
      { row: 0, column: 2 },
      { row: 1, column: 0 },
      { row: 1, column: 1 },
    ]
    const lead = (at: number, key: string) => nextMark(places, at, key)
    expect([lead(0, 'ArrowRight'), lead(0, 'ArrowDown'), lead(1, 'ArrowDown'), lead(3, 'ArrowUp')]).toEqual([1, 2, 3, 0])
    expect([lead(1, 'ArrowRight'), lead(0, 'ArrowUp'), lead(0, 'x'), lead(3, 'Home'), lead(0, 'End')]).toEqual([null, null, null, 0, 3])
    expect(nextMark([], 0, 'End')).toBeNull()
  })
})
