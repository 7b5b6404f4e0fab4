import { describe, expect, test } from 'vitest'
import type { ModuleInspection } from '../../../src-main/contract/inspection.ts'
import { layOutRanks, nextRankCell } from '../../../src-renderer/views/library/detail/effective-ranks.ts'
import {
  effectiveRankText,
  layOutPanels,
  nearestLine,
  nextLine,
  panelsFinding,
  panelsTable,
  withSpectrum,
} from '../../../src-renderer/views/library/detail/spectrum-panels.ts'

const module = (layer: number | null, moduleKind: string, ...singularValues: number[]): ModuleInspection => ({
  name: `model.layers.${layer}.${moduleKind}`,
  layer,
  moduleKind,
  norm: Math.hypot(...singularValues),
  singularValues,
  effectiveRank: singularValues.length === 0 ? null : 1.5,
})
const modules = [module(1, 'v_proj', 4, 1), module(0, 'v_proj', 2, 2), module(0, 'q_proj', 8, 4, 0), module(3, 'q_proj')]

describe('spectra by module kind', () => {
  const chart = layOutPanels(modules, 320)
  test('a panel for each kind in the order of a block, a line for each layer, modules without a spectrum left out', () => {
    expect(chart.panels.map((panel) => [panel.kind, panel.lines.map((line) => line.name)])).toEqual([
      ['q_proj', ['model.layers.0.q_proj']],
      ['v_proj', ['model.layers.0.v_proj', 'model.layers.1.v_proj']],
    ])
    expect(withSpectrum(modules)).toHaveLength(3)
  })
  test('one scale: the largest value stands at the top, zero at the bottom, half of it in the middle', () => {
    const [first, second] = chart.panels
    expect(first?.lines[0]?.points.map((point) => point.y - (first?.plot.y ?? 0))).toEqual([0, 32, 64])
    expect(second?.lines[1]?.points[0]?.y).toBe((second?.plot.y ?? 0) + 32)
  })
  test('values run from the first to the longest rank across the panel', () => {
    const panel = chart.panels[0]
    expect(panel?.ticks.map((tick) => tick.label)).toEqual(['1', '3'])
    expect(panel?.lines[0]?.points.map((point) => Math.round(point.x - (panel?.plot.x ?? 0)))).toEqual([4, 67, 129])
  })
  test('the pointer finds the nearest line', () => {
    const panel = chart.panels[1]
    const point = panel?.lines[1]?.points[0]
    expect(panel && point && nearestLine(panel, { x: point.x + 1, y: point.y - 2 })).toBe(1)
    expect(panel && nearestLine({ ...panel, lines: [] }, { x: 0, y: 0 })).toBe(-1)
  })
  test('arrow keys walk layers and panels', () => {
    expect(nextLine(chart.panels, { panel: 1, line: 0 }, 'ArrowRight')).toEqual({ panel: 1, line: 1 })
    expect(nextLine(chart.panels, { panel: 1, line: 1 }, 'ArrowUp')).toEqual({ panel: 0, line: 0 })
    expect(nextLine(chart.panels, { panel: 1, line: 0 }, 'End')).toEqual({ panel: 1, line: 1 })
    expect(nextLine(chart.panels, { panel: 1, line: 1 }, 'ArrowRight')).toBeNull()
    expect(nextLine(chart.panels, { panel: 1, line: 1 }, 'ArrowDown')).toBeNull()
    expect(nextLine(chart.panels, { panel: 0, line: 0 }, 'a')).toBeNull()
  })
})

describe('words of the spectra', () => {
  test('the finding, the texts and the table carry the numbers', () => {
    expect(panelsFinding({ effectiveRank: 1.62, modules })).toBe('The update uses about 1.6 of its 3 ranks')
    expect(panelsFinding({ effectiveRank: null, modules })).toBe('Singular values of the update')
    expect(effectiveRankText(modules[0] as ModuleInspection)).toBe('v_proj, layer 1: effective rank 1.50 of 2')
    expect(effectiveRankText(modules[3] as ModuleInspection)).toBe('q_proj, layer 3: no spectrum (rank above 512)')
    expect(layOutPanels([module(2, 'o_proj', 5, 4, 3, 2)], 320).panels[0]?.lines[0]?.text).toBe(
      'o_proj, layer 2: effective rank 1.50 of 4; singular values 5.00, 4.00, 3.00 to 2.00',
    )
    expect(panelsTable(modules).rows).toHaveLength(7)
    expect(panelsTable(modules).rows[0]).toEqual(['model.layers.0.q_proj', 1, 8, 1.5])
  })
})

describe('effective ranks by layer and kind', () => {
  const ranked = (layer: number | null, kind: string, rank: number): ModuleInspection => ({
    ...module(layer, kind, 1, 1),
    effectiveRank: rank,
  })
  const matrix = layOutRanks([ranked(4, 'q_proj', 12), ranked(2, 'q_proj', 3), ranked(3, 'v_proj', 6), ranked(null, 'lm_head', 1)], 272)
  test('rows are kinds, columns every layer from the first to the last and what lies outside', () => {
    expect(matrix.kinds).toEqual(['q_proj', 'v_proj', 'lm_head'])
    expect(matrix.cells.map(({ row, column }) => [row, column])).toEqual([
      [0, 0],
      [0, 2],
      [1, 1],
      [2, 3],
    ])
    expect(matrix.ticks.map((tick) => tick.label)).toEqual(['2', '3', '4', '–'])
    expect([matrix.cellWidth, matrix.width, matrix.height]).toEqual([36, 72 + 4 * 36, 3 * 16 + 16])
  })
  test('the ramp runs from zero to the largest', () => {
    expect(matrix.largest).toBe(12)
    expect(matrix.cells.map(({ step }) => step)).toEqual([1, 5, 3, 0])
  })
  test('arrow keys walk', () => {
    expect(nextRankCell(matrix.cells, 0, 'ArrowRight')).toBe(1)
    expect(nextRankCell(matrix.cells, 1, 'ArrowRight')).toBeNull()
    expect(nextRankCell(matrix.cells, 1, 'ArrowDown')).toBe(2)
    expect(nextRankCell(matrix.cells, 2, 'ArrowUp')).toBe(0)
    expect(nextRankCell(matrix.cells, 3, 'ArrowDown')).toBeNull()
    expect(nextRankCell(matrix.cells, 3, 'Home')).toBe(0)
    expect(nextRankCell(matrix.cells, 0, 'End')).toBe(3)
  })
  test('many layers still fit', () => {
    const many = layOutRanks(
      Array.from({ length: 80 }, (_, layer) => ranked(layer, 'q_proj', 2)),
      272,
    )
    expect(many.width).toBeLessThanOrEqual(272)
    expect(many.ticks[1]?.label).toBe('10')
  })
})
