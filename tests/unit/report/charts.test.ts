import { expect, test } from 'vitest'
import { costGain } from '../../../src-main/report/charts/cost-gain.ts'
import { heatMap } from '../../../src-main/report/charts/heat-map.ts'
import { intervalRows } from '../../../src-main/report/charts/interval-rows.ts'
import { lookOf } from '../../../src-main/report/charts/marks.ts'
import { linearScale, logScale, rangeOf, spread } from '../../../src-main/report/charts/scale.ts'
import { stairs } from '../../../src-main/report/charts/stairs.ts'
import { escapeMarkup, fitted } from '../../../src-main/report/charts/svg.ts'
import { sweptCurve } from '../../../src-main/report/charts/swept-curve.ts'
import { largeText, tickText } from '../../../src-main/report/charts/tick-text.ts'
import { findAll, readMarkup, type MarkupElement } from '../../helpers/markup.ts'

const words = { id: 'x', title: 'Title', description: 'What it shows' }
const at = (element: MarkupElement | undefined, key: string): number => Number(element?.attributes[key])
const byClass = (svg: MarkupElement, name: string, look: string) =>
  findAll(svg, name).filter(({ attributes }) => attributes['class']?.split(' ').includes(look))

test('linear ticks are round and lie inside; one value stands in the middle', () => {
  const { place, ticks } = linearScale([0.41, 0.73], [0, 100])
  expect(ticks).toEqual([0.45, 0.5, 0.55, 0.6, 0.65, 0.7])
  expect([place(0.41), place(0.73)]).toEqual([0, 100])
  expect(linearScale([0.5, 0.5], [0, 100]).place(0.5)).toBeCloseTo(50)
  expect(linearScale([-1, 1], [0, 100], 4).ticks).toEqual([-1, -0.5, 0, 0.5, 1])
})

test('logarithmic ticks are as many as fit', () => {
  expect(logScale([10, 100], [0, 100]).place(Math.sqrt(1000))).toBeCloseTo(50)
  expect(logScale([1, 1000], [0, 100]).ticks).toEqual([1, 10, 100, 1000])
  expect(logScale([30, 65], [0, 100]).ticks).toEqual([30, 40, 50, 60])
  expect(logScale([86_000, 184_000], [0, 100]).ticks).toEqual([100_000, 120_000, 140_000, 160_000, 180_000])
  expect(logScale([5, 300], [0, 100]).ticks).toEqual([5, 10, 20, 50, 100, 200])
})

test('ticks are written with the decimals that they need', () => {
  expect([tickText(0.45, [0.45, 0.5], 'points'), tickText(-0.005, [-0.005, 0], 'points'), tickText(0.2, [0, 0.2], 'raw')]).toEqual([
    '45',
    '−0.5',
    '0.2',
  ])
  expect([largeText(500), largeText(40_800), largeText(1_500_000), largeText(10)]).toEqual(['500', '40.8k', '1.5M', '10'])
})

test('labels move apart, keep their order and stay inside', () => {
  expect(spread([50, 10, 52], 15, 0, 100)).toEqual([50, 10, 65])
  expect(spread([98, 99, 100], 15, 0, 100)).toEqual([70, 85, 100])
  expect(rangeOf([1, 3])).toEqual([0.9, 3.1])
  expect(rangeOf([])).toEqual([0, 1])
})

test('names that are too long are cut with an ellipsis, control characters never reach a file', () => {
  expect(fitted('short', 100)).toBe('short')
  expect(fitted('a'.repeat(50), 71)).toBe(`${'a'.repeat(9)}…`)
  expect(escapeMarkup('a\u0000\u001b<\'">&\ud800b')).toBe('a\ufffd\ufffd&lt;&#39;&quot;&gt;&amp;\ufffdb')
})

test('rows: marks stand between the ends of their intervals, at the place of their value, and the line at its own', () => {
  const rows = [
    { label: 'base', interval: { value: 0.4, low: 0.3, high: 0.5 }, look: lookOf({ kind: 'base', role: 'base' }), strong: false },
    { label: 'control', interval: { value: 0.6, low: 0.5, high: 0.7 }, look: lookOf({ kind: 'control', role: null }), strong: true },
  ]
  const drawn = intervalRows({ ...words, axis: '%', unit: 'points', rows, of: 'values', line: { value: 0.4, label: 'base' }, margin: null, labelWidth: 200 }) // prettier-ignore
  const svg = readMarkup(drawn)
  const [square] = byClass(svg, 'rect', 'mark')
  const [circle] = byClass(svg, 'circle', 'hollow')
  const [line] = byClass(svg, 'line', 'baseline')
  const [first] = byClass(svg, 'line', 'interval')
  expect(at(square, 'x') + 4).toBeCloseTo(at(line, 'x1'), 1)
  expect(at(square, 'x') + 4).toBeCloseTo((at(first, 'x1') + at(first, 'x2')) / 2, 0)
  expect(at(circle, 'cx')).toBeGreaterThan(at(square, 'x'))
  expect(svg.text).toContain('40.0 (30.0 to 50.0)')
})

test('differences: the band of the margin lies around the line at 0', () => {
  const rows = [{ label: 'a', interval: { value: 0.1, low: 0.05, high: 0.15 }, look: lookOf(undefined), strong: false }]
  const svg = readMarkup(intervalRows({ ...words, axis: 'points', unit: 'points', rows, of: 'differences', line: null, margin: 0.02, labelWidth: 200 })) // prettier-ignore
  const [band] = byClass(svg, 'rect', 'margin')
  const [zero] = byClass(svg, 'line', 'zero')
  expect(at(band, 'x') + at(band, 'width') / 2).toBeCloseTo(at(zero, 'x1'), 0)
  expect(svg.text).toContain('+10.0 (5.0 to 15.0)')
})

test('stairs: each bar begins where the one before ended, forward to the left where less is better', () => {
  const added = (value: number) => ({ value, low: value - 0.05, high: value + 0.05 })
  const steps = [
    { label: 'base', value: 0.4, added: null },
    { label: 'a', value: 0.6, added: added(0.2) },
    { label: 'b', value: 0.55, added: added(-0.05) },
  ]
  const svg = readMarkup(stairs({ ...words, axis: '%', unit: 'points', direction: 'higher', steps }))
  const [up, down] = byClass(svg, 'rect', 'step')
  expect(at(up, 'x') + at(up, 'width')).toBeCloseTo(at(down, 'x') + at(down, 'width'), 0)
  expect(down?.attributes['class']).toBe('step down')
  const losses = [
    { label: 'base', value: 2, added: null },
    { label: 'a', value: 1.5, added: { value: 0.5, low: 0.4, high: 0.6 } },
  ]
  const lower = readMarkup(stairs({ ...words, axis: 'nats', unit: 'raw', direction: 'lower', steps: losses }))
  const [bar] = byClass(lower, 'rect', 'step')
  const whiskers = byClass(lower, 'line', 'axis').filter(({ attributes }) => attributes['y1'] === attributes['y2'])
  const middle = (at(whiskers[0], 'x1') + at(whiskers[0], 'x2')) / 2
  expect(bar?.attributes['class']).toBe('step')
  expect(middle).toBeCloseTo(at(bar, 'x'), 0)
})

test('heat map: the least is the first step, the largest the last, what is unknown has no cell', () => {
  const svg = readMarkup(heatMap({ ...words, rows: ['r'], columns: ['a', 'b', 'c'], values: [[0, null, 10]], shown: String }))
  expect(findAll(svg, 'rect').map(({ attributes }) => attributes['class'])).toEqual(['ramp0', 'ramp5'])
})

test('curves: x is logarithmic where asked, each series has a mark for each point and one for its name', () => {
  const series = ['a', 'b'].map((label, index) => ({
    label,
    points: [10, 30, 100].map((x) => ({ x, interval: { value: 0.5 + index / 10, low: 0.4, high: 0.7 } })),
  }))
  const svg = readMarkup(sweptCurve({ ...words, xAxis: 'x', yAxis: 'y', unit: 'points', logarithmic: true, series }))
  const circles = byClass(svg, 'circle', 's1')
  expect(circles).toHaveLength(4)
  const [first, second, third] = circles.map((circle) => at(circle, 'cx'))
  expect((second! - first!) / (third! - first!)).toBeCloseTo(Math.log10(3), 2)
  expect(byClass(svg, 'polygon', 'band')).toHaveLength(2)
  expect(byClass(svg, 'polyline', 's2')[0]?.attributes['stroke-dasharray']).toBe('7 3')
})

test('cost and gain: arms of one cost stand side by side, names never nearer than a line', () => {
  const gain = { value: 0.1, low: 0.05, high: 0.15 }
  const points = ['a', 'b', 'c'].map((label) => ({ label, cost: 1000, gain, look: lookOf(undefined) }))
  const svg = readMarkup(costGain({ ...words, xAxis: 'x', yAxis: 'y', unit: 'points', points }))
  const places = findAll(svg, 'circle').map((circle) => at(circle, 'cx'))
  expect(places[1]! - places[0]!).toBeCloseTo(12)
  expect(places[2]! - places[1]!).toBeCloseTo(12)
  const heights = findAll(svg, 'text')
    .filter(({ text }) => ['a', 'b', 'c'].includes(text))
    .map((text) => at(text, 'y'))
  // The one on the right is named first, so that the lines to the names do not cross.
  expect(heights[0]! - heights[1]!).toBeGreaterThanOrEqual(16)
  expect(heights[1]! - heights[2]!).toBeGreaterThanOrEqual(16)
})
