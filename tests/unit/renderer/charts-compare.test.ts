import { describe, expect, it } from 'vitest'
import type { Comparison, Estimate } from '../../../src-main/contract/comparison.ts'
import { armFinding, armRows, armTable, layOutArms, layOutPanels, panelFinding } from '../../../src-renderer/charts/arm-intervals.ts'
import { measureOf, type ChartArm, type Stair } from '../../../src-renderer/charts/chart-arms.ts'
import { countWords } from '../../../src-renderer/charts/chart-words.ts'
import { differenceRows, forestFinding, forestTable, layOutForest } from '../../../src-renderer/charts/forest.ts'
import { scaleAcross } from '../../../src-renderer/charts/interval-rows.ts'
import { layOutStairs, stairsFinding, stairsTable } from '../../../src-renderer/charts/stairs-chart.ts'

const base: ChartArm = { id: 'base', label: 'Base model', role: 'base' }
const own: ChartArm = { id: 'own', label: 'Own LoRA', role: 'own' }
const merged: ChartArm = { id: 'merged', label: 'Tuned merge', role: 'merged' }
const arms = [base, own, merged]
const measure = measureOf(['exact_match'])
const intervalKind = '95 % bootstrap'
const around = (value: number, half: number) => ({ value, low: value - half, high: value + half })
const estimate = (arm: string, value: number, task: string | null = null): Estimate => ({
  arm,
  task,
  interval: around(value, 0.05),
  examples: 300,
  seeds: arm === 'base' ? 1 : 5,
})
const comparison = (arm: string, value: number, half: number, task: string | null = null, to = 'base'): Comparison => ({
  arm,
  to,
  task,
  interval: around(value, half),
  pValue: 0.01,
  adjusted: 0.02,
  detectable: 0.06,
})

describe('values of arms', () => {
  const estimates = [estimate('base', 0.5), estimate('own', 0.75), estimate('merged', 0.7), estimate('own', 0.1, 'other')]
  const input = { arms, estimates, measure, intervalKind, study: { base: 0.467, own: 0.657, retuned: null } }

  it('stand best first, those of other places left out, with what is read out', () => {
    const rows = armRows(input, null)
    expect(rows.map(({ key }) => key)).toEqual(['own', 'merged', 'base'])
    expect(rows[0]?.text).toBe(
      'Own LoRA: 75.0 %, 95 % bootstrap interval from 70.0 % to 80.0 %; n = 300 examples, 5 seeds; the study’s value 65.7 %',
    )
    expect(rows.map(({ study }) => study)).toEqual([0.657, null, 0.467])
    expect(rows[2]?.numbers).toBe('50.0 % (45.0 % to 55.0 %)')
  })
  it('lie in proportion on one axis, the base model as its level', () => {
    const drawn = layOutArms(input, null, 1000)
    const at = new Map(drawn.panels[0]?.rows.map((row) => [row.key, row]))
    const [first, second, third] = ['base', 'merged', 'own'].map((key) => at.get(key)!)
    expect((third!.at - first!.at) / (second!.at - first!.at)).toBeCloseTo(0.25 / 0.2, 9)
    expect((first!.to - first!.from) / (third!.at - first!.at)).toBeCloseTo(0.1 / 0.25, 9)
    expect(drawn.panels[0]?.level).toBe(first!.at)
    expect(drawn.numbersAt).toBe(1000)
    expect(layOutArms(input, null, 500).numbersAt).toBe(0)
  })
  it('say which is highest, and that none is above the base model', () => {
    expect(armFinding(input, null)).toBe('Own LoRA is highest, at 75.0 %; Base model 50.0 %')
    expect(armFinding({ ...input, estimates: [estimate('base', 0.5), estimate('own', 0.4)] }, null)).toBe(
      'No arm is above Base model, at 50.0 %',
    )
    expect(armFinding({ ...input, estimates: [estimate('own', 0.4)] }, null)).toBe('Own LoRA: 40.0 %')
    expect(armFinding({ ...input, estimates: [] }, null)).toBe('Nothing is measured yet')
  })
  it('have the same numbers in the table', () => {
    expect(armTable(input, null, null).rows).toEqual([
      ['Own LoRA', 0.75, 0.7, 0.8, 300, 5, 0.657],
      ['Tuned merge', 0.7, 0.7 - 0.05, 0.75, 300, 5, null],
      ['Base model', 0.5, 0.45, 0.55, 300, 1, 0.467],
    ])
    const tasks = [{ id: 'other', title: 'Another' }]
    expect(armTable({ ...input, study: null }, tasks, null).rows).toEqual([['Another', 'Own LoRA', 0.1, 0.05, 0.1 + 0.05, 300, 5]])
  })
})

describe('panels of tasks', () => {
  const tasks = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, title: id.toUpperCase() }))
  const estimates = tasks.flatMap(({ id }, index) => [
    estimate('base', 0.4, id),
    estimate('own', 0.5 + 0.05 * index, id),
    ...(id === 'c' ? [] : [estimate('merged', 0.6, id)]),
  ])
  const input = { arms, estimates, measure, intervalKind, study: null }
  const drawn = layOutPanels(input, tasks, 1000)

  it('share order and scale; an arm that a task lacks leaves its row empty', () => {
    expect(drawn.panels.map(({ title }) => title)).toEqual(['A', 'B', 'C', 'D', 'E'])
    // Own and merged have the same mean 0.6: the order of the plan decides.
    expect(drawn.names.slice(0, 3).map(({ label }) => label)).toEqual(['Own LoRA', 'Tuned merge', 'Base model'])
    const level = drawn.panels.map((panel) => panel.level)
    expect(new Set(level).size).toBe(1)
    expect(drawn.panels[2]?.rows.map(({ key, y }) => [key, y])).toEqual([
      ['own', 0],
      ['base', 2 * drawn.rowHeight],
    ])
  })
  it('wrap inside the width and number their marks through', () => {
    for (const panel of drawn.panels) expect(panel.x + drawn.plotWidth).toBeLessThanOrEqual(1000)
    expect(new Set(drawn.panels.map(({ x }) => x)).size).toBeLessThan(5)
    expect(drawn.panels.map(({ first }) => first)).toEqual([0, 3, 6, 8, 11])
    expect(drawn.places).toHaveLength(14)
  })
  it('say who is highest most often', () => {
    expect(panelFinding(input, tasks)).toBe('Own LoRA is highest on 3 of 5 tasks')
  })
})

describe('differences to the baseline', () => {
  const comparisons = [
    comparison('own', 0.1, 0.02),
    comparison('merged', -0.05, 0.02),
    comparison('third', 0.01, 0.03),
    comparison('fourth', 0, 0.01),
    comparison('own', 0.3, 0.1, 'a'),
    comparison('own', -0.2, 0.1, 'b'),
    comparison('own', 0.5, 0.1, null, 'merged'),
  ]
  const input = {
    arms: [...arms, { id: 'third', label: 'Third', role: null }, { id: 'fourth', label: 'Fourth', role: null }],
    comparisons,
    baseline: 'base',
    margin: 0.02,
    measure,
    intervalKind,
    tasks: [{ id: 'a', title: 'Task A' }],
  }
  it('are those to the baseline on the place, each with its reading against 0 and the margin', () => {
    const rows = differenceRows(input, { by: 'arms', task: null })
    expect(rows.map(({ arm, reading }) => [arm, reading])).toEqual([
      ['own', 'above'],
      ['third', 'undecided'],
      ['fourth', 'nothing'],
      ['merged', 'below'],
    ])
    expect(rows[0]?.text).toBe(
      'Own LoRA minus Base model: +10.0 points; 95 % bootstrap interval from +8.0 to +12.0: better; p 0.0200 after Holm; so many examples can show +6.0',
    )
    expect(forestFinding(rows, input, { by: 'arms', task: null })).toBe(
      '1 of 4 arms is clearly better than Base model, 1 clearly worse, 1 not decidable',
    )
    expect(forestTable(rows, { by: 'arms', task: null }).rows[0]).toEqual(['Own LoRA', 0.1, 0.08, 0.1 + 0.02, 'better', 0.01, 0.02, 0.06])
  })
  it('by task begin with the mean, drawn as a diamond', () => {
    const rows = differenceRows(input, { by: 'tasks', arm: 'own' })
    expect(rows.map(({ label, overall }) => [label, overall])).toEqual([
      ['Mean over the tasks', true],
      ['Task A', false],
      ['b', false],
    ])
    expect(forestFinding(rows, input, { by: 'tasks', arm: 'own' })).toBe(
      'Own LoRA is clearly better than Base model on 1 of 2 tasks, 1 clearly worse',
    )
  })
  it('lie on an axis that holds 0 and the margin, also when all are far from them', () => {
    const rows = differenceRows({ ...input, comparisons: [comparison('own', 0.5, 0.01)] }, { by: 'arms', task: null })
    const drawn = layOutForest(rows, input, 900)
    expect(drawn.zero).toBeGreaterThanOrEqual(0)
    expect(drawn.band[0]).toBeGreaterThanOrEqual(0)
    expect((drawn.band[0] + drawn.band[1]) / 2).toBeCloseTo(drawn.zero, 9)
    expect(drawn.rows[0]!.to).toBeLessThanOrEqual(drawn.plotWidth)
    expect((drawn.rows[0]!.at - drawn.zero) / (drawn.band[1] - drawn.zero)).toBeCloseTo(25, 6)
  })
  it('without any, the title says so', () => {
    expect(forestFinding([], input, { by: 'arms', task: null })).toBe('Nothing can be compared with Base model yet')
    expect(layOutForest([], input, 900).rows).toEqual([])
  })
})

describe('stairs', () => {
  const steps: readonly Stair[] = [
    { arm: 'base', value: 0.4, from: null, added: null },
    { arm: 'merged', value: 0.6, from: 'base', added: around(0.2, 0.03) },
    { arm: 'own', value: 0.55, from: 'merged', added: around(-0.05, 0.06) },
  ]
  const input = { arms, steps, measure, intervalKind, study: { base: 0.467, merged: 0.652 } }
  const drawn = layOutStairs(input, 1000)

  it('begin each where the one before ended, down as well as up', () => {
    const [first, second, third] = drawn.stairs
    expect(first?.bar).toBeNull()
    expect(second?.bar).toEqual({ from: first?.at, to: second?.at })
    expect(third?.bar).toEqual({ from: second?.at, to: third?.at })
    expect(third!.at).toBeLessThan(second!.at)
    expect((second!.whisker!.to - second!.whisker!.from) / (second!.at - first!.at)).toBeCloseTo(0.06 / 0.2, 9)
  })
  it('have the study’s step beside, where it has both ends', () => {
    expect(drawn.stairs[0]?.study?.bar).toBeNull()
    expect(drawn.stairs[1]?.study?.bar).toEqual({ from: drawn.stairs[0]?.study?.at, to: drawn.stairs[1]?.study?.at })
    expect(drawn.stairs[2]?.study).toBeNull()
  })
  it('say which adds most, in words and in the table', () => {
    expect(stairsFinding(input)).toBe('Tuned merge adds most, +20.0 points, on the way from 40.0 % to 55.0 %')
    expect(stairsFinding({ ...input, steps: steps.slice(0, 1) })).toBe('There are no steps to compare yet')
    expect(stairsFinding({ ...input, steps: [steps[0]!, { ...steps[2]!, from: 'base', value: 0.35 }] })).toBe(
      'No step adds anything, from 40.0 % to 35.0 %',
    )
    expect(drawn.stairs[2]?.text).toBe(
      'Own LoRA: 55.0 %; −5.0 points on Tuned merge, 95 % bootstrap interval from −11.0 to +1.0, not clear',
    )
    expect(stairsTable(input).rows[1]).toEqual(['Tuned merge', 0.6, 'Base model', 0.2, 0.2 - 0.03, 0.23, 0.652])
  })
})

describe('scales and measures', () => {
  it('keep inside the bounds, and have a width where all values are equal', () => {
    for (const value of [0, 0.5, 1]) {
      const scale = scaleAcross([value, value], { width: 300, bounds: [0, 1] })
      const [low = 0, high = 0] = scale.domain()
      expect(high - low).toBeGreaterThan(0)
      expect([low >= 0, high <= 1, Number.isFinite(scale(value))]).toEqual([true, true, true])
    }
    expect(scaleAcross([-3, -3], { width: 300, bounds: [-Infinity, Infinity] })(-3)).toBeCloseTo(150, 6)
    expect(scaleAcross([], { width: 300, bounds: [0, 1] })(0.5)).toBeCloseTo(150, 6)
  })
  it('write shares in per cent and losses as numbers', () => {
    expect([measure.write(0.657), measure.writeDifference(0.018), measure.differenceUnit]).toEqual(['65.7 %', '+1.8', 'points'])
    const loss = measureOf(['mean_loss'])
    expect([loss.label, loss.write(-1.234), loss.differenceUnit]).toEqual(['Mean loss, times −1', '−1.23', 'nats'])
    expect(measureOf(['exact_match', 'token_f1']).label).toBe('Score')
    expect(measureOf(['exact_match', 'mean_loss']).label).toBe('Score of mixed units')
  })
  it('several counts as one', () => {
    expect([countWords([300, 300]), countWords([120, 4000]), countWords([])]).toEqual(['300', '120 to 4,000', '0'])
  })
})
