import { describe, expect, it } from 'vitest'
import { clusterByCosine } from '../../../src-renderer/charts/cluster.ts'
import {
  brushedMembers,
  comparedPairs,
  layOutHeatMap,
  layOutTree,
  similarityFinding,
  similarityTable,
} from '../../../src-renderer/charts/heat-map.ts'
import { binText, histogramFinding, histogramTable, layOutHistogram } from '../../../src-renderer/charts/histogram.ts'
import { spreadLabels } from '../../../src-renderer/charts/labels.ts'
import { largestNorm, layOutNormMatrix, nextCell, normMatrixTable, normStep } from '../../../src-renderer/charts/norm-matrix.ts'
import { cellPixels } from '../../../src-renderer/charts/paint-cells.ts'
import { layOutSpectra, nextPoint, spectraFinding, spectraTable } from '../../../src-renderer/charts/spectra.ts'

describe('similarity heat map', () => {
  const cosines = [
    [1, 0.2, null],
    [0.2, 1, -0.9],
    [null, -0.9, 1],
  ]
  const names = ['a', 'b', 'c']
  it('draws cells one by one up to a few thousand, names while they have room, and never less than a pixel', () => {
    expect(layOutHeatMap(3, 800, 900)).toMatchObject({
      cell: 30,
      side: 90,
      left: 132,
      labelled: true,
      drawn: true,
      width: 318,
      height: 108,
    })
    expect(layOutHeatMap(20, 800, 900)).toMatchObject({ cell: 28, labelled: true, drawn: true })
    expect(layOutHeatMap(50, 800, 900)).toMatchObject({ cell: 13, left: 0, labelled: false, drawn: true })
    expect(layOutHeatMap(200, 800, 900)).toMatchObject({ cell: 3, labelled: false, drawn: false, side: 600 })
    expect(layOutHeatMap(40, 1200, 300)).toMatchObject({ cell: 12, labelled: true })
    expect(layOutHeatMap(200, 800, 400)).toMatchObject({ cell: 2, labelled: false })
    expect(layOutHeatMap(1000, 800, 900)).toMatchObject({ cell: 1, side: 1000, drawn: false })
  })
  it('draws the tree from the cells outwards, to scale', () => {
    const full = [
      [1, 0.5, 0],
      [0.5, 1, 0],
      [0, 0, 1],
    ]
    const layout = layOutHeatMap(3, 800, 900)
    const brackets = layOutTree(clusterByCosine(full), layout)
    expect(brackets.map(({ x, y }) => [x, y])).toEqual([
      [226 + 42, 30],
      [226 + 84, 52.5],
    ])
    expect(brackets[0]?.path).toBe('M226,15H268V45H226')
  })
  it('lists compared pairs by size, unknown ones after them', () => {
    const pairs = comparedPairs(cosines)
    expect(pairs).toEqual([
      { row: 2, column: 1, cosine: -0.9 },
      { row: 1, column: 0, cosine: 0.2 },
    ])
    expect(similarityTable(names, cosines, pairs).rows).toEqual([
      ['b', 'c', -0.9],
      ['a', 'b', 0.2],
      ['a', 'c', null],
    ])
  })
  it('says what it found', () => {
    expect(similarityFinding(names, comparedPairs(cosines))).toBe('b and c are most opposed: cosine −0.90')
    expect(similarityFinding(names, [{ row: 1, column: 0, cosine: 0.99 }])).toBe('a and b are most alike: cosine +0.99')
    expect(similarityFinding(names, [{ row: 1, column: 0, cosine: -0.04 }])).toBe(
      'The updates are nearly unrelated: no cosine beyond +0.04',
    )
    expect(similarityFinding(names, [])).toBe('How alike are the updates? Nothing is compared yet')
  })
  it('paints a pixel for each cell, clear where nothing is known', () => {
    const ramp = Array.from({ length: 7 }, (_, step) => [step, step, step] as const)
    const pixels = cellPixels(cosines, [2, 0, 1], ramp, [99, 99, 99])
    const at = (y: number, x: number): readonly number[] => [...pixels.slice((y * 3 + x) * 4, (y * 3 + x) * 4 + 4)]
    expect(at(0, 0)).toEqual([99, 99, 99, 255])
    expect(at(0, 1)).toEqual([0, 0, 0, 0])
    expect(at(0, 2)).toEqual([0, 0, 0, 255])
    expect(at(1, 2)).toEqual([4, 4, 4, 255])
  })
  it('brushes in either direction', () => {
    expect(brushedMembers([4, 2, 0, 1, 3], 3, 1)).toEqual([2, 0, 1])
    expect(brushedMembers([4, 2, 0], 0, 9)).toEqual([4, 2, 0])
  })
})

describe('spectra', () => {
  const a = { id: 'a', name: 'a', colour: 0, values: [4, 2, 1, 1e-9], effectiveRank: 2.5 }
  const b = { id: 'b', name: 'b', colour: 1, values: [2, 1], effectiveRank: 1.8 }
  it('leaves rounding out of a logarithmic axis', () => {
    const drawn = layOutSpectra([a, b], { width: 100, height: 50 }, true)
    expect(drawn.lines.map((line) => line.points.length)).toEqual([3, 2])
    expect(drawn.lines[0]?.points.map((point) => point.x)).toEqual([0, 50, 100])
    expect(drawn.lines[1]?.points[0]?.y).toBeCloseTo(drawn.lines[0]?.points[1]?.y ?? NaN, 9)
  })
  it('starts a linear axis at zero', () => {
    const drawn = layOutSpectra([a, b], { width: 90, height: 40 }, false)
    expect(drawn.lines[0]?.points.map((point) => Math.round(point.y))).toEqual([0, 20, 30, 40])
    expect(drawn.y[0]).toEqual({ at: 40, label: '0' })
  })
  it('survives adapters without the module', () => {
    const drawn = layOutSpectra([{ ...a, values: [] }], { width: 90, height: 40 }, true)
    expect(drawn.lines[0]?.points).toEqual([])
  })
  it('says what it found', () => {
    expect(spectraFinding([a, b], 'q_proj, layer 0')).toBe('q_proj, layer 0: effective rank from 1.8 (b) to 2.5 (a)')
    expect(spectraFinding([a], 'q_proj, layer 0')).toBe('a uses 2.5 of its 4 ranks in q_proj, layer 0')
    expect(spectraFinding([{ ...a, values: [] }], 'k_proj, layer 1')).toBe('No adapter shown touches k_proj, layer 1')
    expect(spectraTable([b]).rows).toEqual([
      ['b', 1, 2, 1.8],
      ['b', 2, 1, 1.8],
    ])
  })
  it('walks along a line and across lines, past empty ones', () => {
    const lines = [{ points: [1, 2, 3] }, { points: [] }, { points: [1] }]
    expect(nextPoint(lines, { line: 0, point: 2 }, 'ArrowDown')).toEqual({ line: 2, point: 0 })
    expect(nextPoint(lines, { line: 2, point: 0 }, 'ArrowDown')).toBeNull()
    expect(nextPoint(lines, { line: 0, point: 1 }, 'ArrowRight')).toEqual({ line: 0, point: 2 })
    expect(nextPoint(lines, { line: 0, point: 2 }, 'Home')).toEqual({ line: 0, point: 0 })
    expect(nextPoint(lines, { line: 0, point: 0 }, 'ArrowLeft')).toBeNull()
  })
})

describe('labels beside marks', () => {
  it('keeps their order, their distance and the field', () => {
    expect(spreadLabels([10, 12, 80], 15, 100)).toEqual([10, 25, 80])
    expect(spreadLabels([98, 99, 100], 15, 100)).toEqual([70, 85, 100])
    expect(spreadLabels([50, 10], 15, 100)).toEqual([50, 10])
    expect(spreadLabels([], 15, 100)).toEqual([])
  })
})

describe('norm matrix', () => {
  const module = (moduleKind: string, layer: number | null, norm: number) => ({ name: `${layer}.${moduleKind}`, layer, moduleKind, norm })
  const adapter = {
    id: 'a',
    name: 'a',
    modules: [module('v_proj', 2, 3), module('q_proj', 0, 6), module('q_proj', 2, 1), module('lm_head', null, 0)],
  }
  const options = { width: 300, largest: 6, rowHeight: 18, nameWidth: 80 }
  it('puts kinds down and layers across, gaps kept, what lies outside last', () => {
    const drawn = layOutNormMatrix(adapter, options)
    expect(drawn.kinds).toEqual(['q_proj', 'v_proj', 'lm_head'])
    expect(drawn.columns).toEqual(['0', '1', '2', '–'])
    expect(drawn.cells.map((cell) => [cell.row, cell.column, cell.step])).toEqual([
      [0, 0, 5],
      [0, 2, 1],
      [1, 2, 3],
      [2, 3, 0],
    ])
    expect(drawn.width).toBe(80 + 4 * 36)
    expect(drawn.cells[0]?.text).toBe('q_proj, layer 0: norm 6.00, 78.3 % of the squared norm')
  })
  it('shares one ramp between adapters', () => {
    expect(largestNorm([adapter, { ...adapter, modules: [module('q_proj', 0, 9)] }])).toBe(9)
    expect([0, 1, 5.99, 6].map((norm) => normStep(norm, 6))).toEqual([0, 1, 5, 5])
    expect(normStep(0, 0)).toBe(0)
  })
  it('walks to the nearest cell in a direction', () => {
    const { cells } = layOutNormMatrix(adapter, options)
    expect(nextCell(cells, 0, 'ArrowRight')).toBe(1)
    expect(nextCell(cells, 1, 'ArrowDown')).toBe(2)
    expect(nextCell(cells, 0, 'ArrowLeft')).toBeNull()
    expect(nextCell(cells, 0, 'End')).toBe(3)
    expect(nextCell(cells, 0, 'a')).toBeNull()
  })
  it('gives the numbers as a table', () => expect(normMatrixTable([adapter]).rows[3]).toEqual(['a', 'null.lm_head', '–', 0]))
})

describe('histograms', () => {
  const data = { values: [1, 2, 2, 3], reference: [1, 2, 2, 3, 8, 8, 8, 8], scale: 'log2' as const }
  it('bins both groups alike, as shares of each', () => {
    const drawn = layOutHistogram(data, { width: 100, height: 40 })
    expect(drawn?.bins.reduce((sum, place) => sum + place.count, 0)).toBe(4)
    expect(drawn?.bins.reduce((sum, place) => sum + place.referenceCount, 0)).toBe(8)
    const two = drawn?.bins.find((place) => place.from === 2)
    expect(two).toMatchObject({ count: 3, share: 0.75, referenceCount: 3, referenceShare: 0.375, y: 0, height: 40 })
    expect(drawn?.leftOut).toBe(0)
    expect(drawn?.bins.map((place) => place.from)).toEqual([1, 2, 4, 8])
    expect(drawn?.x.map((mark) => mark.value)).toEqual([1, 2, 4, 8, 16])
    expect(drawn?.bins[0]?.x).toBe(0)
  })
  it('leaves out what a logarithmic axis cannot hold, and says so', () => {
    const drawn = layOutHistogram({ values: [0, 4], reference: [0, 4], scale: 'log2' }, { width: 100, height: 40 })
    expect(drawn?.leftOut).toBe(2)
    expect(layOutHistogram({ values: [0], reference: [], scale: 'log10' }, { width: 100, height: 40 })).toBeNull()
  })
  it('names one, two and five of each power of ten', () => {
    const drawn = layOutHistogram({ values: [0.3, 4], reference: [12], scale: 'log10' }, { width: 100, height: 40 })
    expect(drawn?.x.map((mark) => mark.value)).toEqual([0.5, 1, 2, 5, 10])
    expect(drawn?.bins.length).toBeLessThanOrEqual(16)
    expect(drawn?.bins[0]?.from).toBeLessThanOrEqual(0.3)
    expect(drawn?.bins.at(-1)?.to).toBeGreaterThan(12)
  })
  it('has at most 16 bins and equal widths on a linear axis', () => {
    const values = Array.from({ length: 1000 }, (_, index) => index / 10)
    const bins = layOutHistogram({ values, reference: [], scale: 'linear' }, { width: 160, height: 40 })?.bins ?? []
    expect(bins.length).toBeLessThanOrEqual(16)
    expect(new Set(bins.map((place) => Math.round(place.width * 1e6)))).toHaveProperty('size', 1)
    expect(bins.reduce((sum, place) => sum + place.count, 0)).toBe(1000)
  })
  it('shows one value as one bar', () => {
    const bins = layOutHistogram({ values: [1, 1], reference: [1], scale: 'linear' }, { width: 10, height: 10 })?.bins
    expect(bins).toHaveLength(1)
    expect(bins?.[0]).toMatchObject({ from: 0.5, to: 1.5, count: 2, referenceCount: 1 })
  })
  it('says what it found', () => {
    expect(histogramFinding('Rank', data, String)).toBe('Rank: median 2, in the library 5.5')
    expect(histogramFinding('Rank', { ...data, reference: [] }, String)).toBe('Rank: median 2')
    expect(histogramFinding('Norm', { ...data, values: [] }, String)).toBe('Norm: not known yet')
    const drawn = layOutHistogram(data, { width: 100, height: 40 })
    const two = drawn?.bins.find((place) => place.from === 2)
    expect(two && binText(two, (value) => value.toFixed(1), false)).toBe(
      '2.0 to below 4.0: 3 adapters shown (75 %), 3 adapters of the library (38 %)',
    )
    expect(drawn && histogramTable(drawn).rows).toContainEqual([2, 4, 3, 0.75, 3, 0.375])
  })
})
