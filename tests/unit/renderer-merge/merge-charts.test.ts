import { describe, expect, it } from 'vitest'
import { extremePairs, layOutCosines, rampStep } from '../../../src-renderer/charts/cosine-matrix.ts'
import { layOutKeptEnergy, layerName } from '../../../src-renderer/charts/kept-energy.ts'
import { layOutNorms, normSpread } from '../../../src-renderer/charts/norm-bars.ts'
import { walkMarks } from '../../../src-renderer/charts/walk.ts'

describe('kept energy by layer', () => {
  it('draws what was cut from zero, on the scale of the worst layer', () => {
    const drawn = layOutKeptEnergy(
      [
        { layer: 0, keptEnergy: 1 },
        { layer: 1, keptEnergy: 0.98 },
        { layer: null, keptEnergy: 0.96 },
      ],
      { width: 60, height: 40 },
    )
    expect(drawn?.largestCut).toBeCloseTo(0.04, 12)
    expect(drawn?.worst.layer).toBeNull()
    expect(drawn?.bars.map((bar) => Math.round(bar.height))).toEqual([0, 20, 40])
    expect(drawn?.bars.map((bar) => Math.round(bar.y))).toEqual([40, 20, 0])
    expect(drawn?.bars[0]?.width).toBeCloseTo((0.8 * 60) / 2.8, 6)
  })
  it('draws nothing where nothing was cut', () =>
    expect(layOutKeptEnergy([{ layer: 0, keptEnergy: 1 - 1e-12 }], { width: 100, height: 40 })).toBeNull())
  it('names layers', () => expect([layerName(3), layerName(null)]).toEqual(['layer 3', 'modules outside the layers']))
})

describe('norm bars', () => {
  const line = { key: 's1', name: 'a', colour: 0 }
  it('puts norm and contribution on one scale', () => {
    const drawn = layOutNorms(
      [
        { ...line, norm: 10, coefficient: -0.5 },
        { ...line, key: 's2', norm: 4, coefficient: 5 },
        { ...line, key: 's3', norm: 5, coefficient: null },
      ],
      { width: 200, rowHeight: 20 },
    )
    expect(drawn.largest).toBe(20)
    expect(drawn.height).toBe(60)
    expect(drawn.bars.map((bar) => [bar.outline, bar.filled, bar.contribution, bar.y])).toEqual([
      [100, 50, 5, 0],
      [40, 200, 20, 20],
      [50, null, null, 40],
    ])
  })
  it('says how far norms are apart', () => {
    const spread = normSpread([
      { name: 'a', size: 2 },
      { name: 'b', size: 9.2 },
      { name: 'c', size: 5 },
    ])
    expect(spread).toEqual({ large: 'b', small: 'a', ratio: 4.6 })
    expect(normSpread([{ name: 'a', size: 2 }])).toBeNull()
    expect(
      normSpread([
        { name: 'a', size: 2 },
        { name: 'b', size: 0 },
      ]),
    ).toBeNull()
  })
})

describe('cosine matrix', () => {
  const cosines = [
    [1, 0.5, -0.12],
    [0.5, 1, 0.9],
    [-0.12, 0.9, 1],
  ]
  it('lays out the lower triangle', () => {
    const drawn = layOutCosines(cosines, 80)
    expect(drawn).toMatchObject({ cell: 40, side: 80, numbered: true })
    expect(drawn?.cells.map((cell) => [cell.row, cell.column, cell.x, cell.y])).toEqual([
      [1, 0, 0, 0],
      [2, 0, 0, 40],
      [2, 1, 40, 40],
    ])
  })
  it('gives up on one adapter and on cells too small to tell apart', () => {
    expect(layOutCosines([[1]], 300)).toBeNull()
    const many = Array.from({ length: 60 }, () => new Array<number>(60).fill(0))
    expect(layOutCosines(many, 300)).toBeNull()
  })
  it('finds the extremes', () => {
    expect(extremePairs(cosines)?.highest).toEqual({ row: 2, column: 1, cosine: 0.9 })
    expect(extremePairs(cosines)?.lowest).toEqual({ row: 2, column: 0, cosine: -0.12 })
  })
  it('takes fewer steps of the ramp under numbers', () => {
    expect([-1, -0.4, -0.01, 0, 0.3, 0.7].map((cosine) => rampStep(cosine, true))).toEqual([0, 2, 3, 3, 4, 6])
    expect([-1, -0.4, -0.1, 0.5, 0.66].map((cosine) => rampStep(cosine, false))).toEqual([0, 1, 2, 5, 6])
  })
})

describe('walking marks', () => {
  it('follows arrows, Home and End and stops at the ends', () => {
    expect(['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp', 'Home', 'End'].map((key) => walkMarks(key, 4, 9, 3))).toEqual([
      5, 3, 7, 1, 0, 8,
    ])
    expect(walkMarks('ArrowLeft', 0, 9)).toBe(0)
    expect(walkMarks('End', 0, 0)).toBeNull()
    expect(walkMarks('a', 0, 9)).toBeNull()
  })
})
