import { describe, expect, test } from 'vitest'
import { csvText, tabbedText } from '../../../src-renderer/charts/chart-table.ts'
import { fileName, wrapWords } from '../../../src-renderer/charts/export-svg.ts'
import {
  kindsOf,
  nextBar,
  normChart,
  normFinding,
  normSummary,
  normTable,
  type NormOfModule,
} from '../../../src-renderer/charts/update-norm-by-layer.ts'
import { placeBeside } from '../../../src-renderer/parts/place.ts'

const module = (moduleKind: string, layer: number | null, norm: number | null): NormOfModule => ({
  name: `layers.${layer}.${moduleKind}`,
  moduleKind,
  layer,
  norm,
})
const two = [module('v_proj', 0, 1), module('v_proj', 1, 2), module('q_proj', 0, 2), module('q_proj', 1, 4)]

describe('update norm by layer', () => {
  test('kinds stand in the order of a block, others after them', () => {
    expect(kindsOf([module('lm_head', null, 1), module('down_proj', 0, 1), module('q_proj', 0, 1), module('c_attn', 0, 1)])).toEqual([
      'q_proj',
      'down_proj',
      'c_attn',
      'lm_head',
    ])
  })

  test('every panel has the same scale from zero: bars are proportional to norms', () => {
    const chart = normChart(two, 400)
    const heights = chart.panels.map((panel) => panel.bars.map((bar) => bar.bar.height))
    const unit = (heights[0]?.[1] ?? 0) / 4
    expect(unit).toBeGreaterThan(10)
    expect(heights).toEqual([
      [2 * unit, 4 * unit],
      [unit, 2 * unit],
    ])
    for (const panel of chart.panels) for (const { bar, hit } of panel.bars) expect(bar.y + bar.height).toBeCloseTo(hit.y + hit.height, 9)
  })

  test('panels wrap, and nothing leaves the width', () => {
    const many = kindOrder.map((kind) => module(kind, 0, 1))
    const chart = normChart(many, 344)
    expect(new Set(chart.panels.map((panel) => panel.x)).size).toBe(2)
    expect(chart.panels.at(-1)?.y).toBe(3 * (chart.panels[0]?.height ?? 0))
    for (const panel of chart.panels) expect(panel.x + panel.width).toBeLessThanOrEqual(344.000001)
  })

  test('a layer that is not touched leaves a gap, and what is outside the layers comes last', () => {
    const chart = normChart([module('q_proj', 0, 1), module('q_proj', 3, 1), module('lm_head', null, 1)], 344)
    const [first, second] = chart.panels[0]?.bars ?? []
    const step = (first?.hit.width ?? 0) as number
    expect(((second?.hit.x ?? 0) - (first?.hit.x ?? 0)) / step).toBeCloseTo(3, 9)
    expect(chart.panels[1]?.bars[0]?.text).toBe('lm_head, outside the layers: norm 1.00, 33.3 % of the squared norm')
    expect(chart.panels[0]?.ticks.map((tick) => tick.label)).toEqual(['0', '–'])
  })

  test('the title is the finding', () => {
    expect(normFinding(two)).toBe('q_proj carries 80 % of the update, layer 1 carries 80 %')
    expect(normFinding([module('q_proj', 0, 3), module('q_proj', 1, 4)])).toBe('Layer 1 carries 64 % of the update')
    expect(normFinding([module('q_proj', 0, 0)])).toBe('The update is zero in every module')
    expect(normSummary(two)).toContain('4 modules, whole update 5.00.')
  })

  test('the table holds the same numbers', () => {
    expect(normTable(two).rows[3]).toEqual(['layers.1.q_proj', '1', 4, 16 / 25])
    expect(normTable([module('q_proj', null, null)]).rows[0]).toEqual(['layers.null.q_proj', '–', null, null])
  })

  test('arrow keys walk bars within a panel and panels up and down', () => {
    const { panels } = normChart([...two, module('up_proj', 0, 1)], 400)
    const from = (panel: number, bar: number, key: string): string => {
      const to = nextBar(panels, { panel, bar }, key)
      return to ? `${to.panel},${to.bar}` : 'none'
    }
    expect([from(0, 0, 'ArrowRight'), from(0, 1, 'ArrowRight'), from(0, 0, 'ArrowLeft'), from(0, 1, 'Home'), from(0, 0, 'End')]).toEqual([
      '0,1',
      'none',
      'none',
      '0,0',
      '0,1',
    ])
    expect([from(1, 1, 'ArrowDown'), from(2, 0, 'ArrowDown'), from(0, 0, 'ArrowUp'), from(0, 0, 'x')]).toEqual([
      '2,0',
      'none',
      'none',
      'none',
    ])
  })
})

const kindOrder = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']

describe('tables and files of charts', () => {
  const table = {
    columns: [
      { label: 'Name, long', numeric: false },
      { label: 'Norm', numeric: true },
    ],
    rows: [
      ['a "b"', 0.1 + 0.2],
      ['two\nlines', null],
    ],
  }
  test('CSV quotes what it must and keeps full precision', () => {
    expect(csvText(table)).toBe('"Name, long",Norm\r\n"a ""b""",0.30000000000000004\r\n"two\nlines",\r\n')
  })
  test('tabs and line ends inside a cell become spaces on the clipboard', () => {
    expect(tabbedText(table)).toBe('Name, long\tNorm\na "b"\t0.30000000000000004\ntwo lines\t')
  })
  test('titles are wrapped at spaces', () => {
    expect(wrapWords('q_proj carries 80 % of the update', 14)).toEqual(['q_proj carries', '80 % of the', 'update'])
    expect(wrapWords('unbreakable', 4)).toEqual(['unbreakable'])
  })
  test('file names come from titles', () => {
    expect(fileName('q_proj carries 80 % of the update', 'svg')).toBe('q-proj-carries-80-of-the-update.svg')
    expect(fileName('…', 'csv')).toBe('chart.csv')
  })
})

describe('place of a bubble', () => {
  const viewport = { width: 800, height: 600 }
  const size = { width: 200, height: 40 }
  test('below its anchor, above where there is no room, never outside', () => {
    expect(placeBeside({ left: 300, top: 100, width: 100, height: 20 }, size, viewport)).toEqual({ left: 250, top: 124 })
    expect(placeBeside({ left: 300, top: 560, width: 100, height: 20 }, size, viewport)).toEqual({ left: 250, top: 516 })
    expect(placeBeside({ left: 0, top: 0, width: 10, height: 10 }, size, viewport).left).toBe(8)
    expect(placeBeside({ left: 790, top: 0, width: 10, height: 10 }, size, viewport).left).toBe(592)
  })
})
