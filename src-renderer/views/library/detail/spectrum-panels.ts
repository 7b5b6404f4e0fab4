import { max } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import type { AdapterInspection, ModuleInspection } from '../../../../src-main/contract/inspection.ts'
import type { ChartTable } from '../../../charts/chart-table.ts'
import { kindsOf } from '../../../charts/update-norm-by-layer.ts'
import { formatNumber } from '../../../format/numbers.ts'

/** The spectrum of one target module. */
export interface PanelLine {
  readonly name: string
  /** What is read out and shown on hover. */
  readonly text: string
  /** SVG path through the points. */
  readonly path: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** One module kind: a line for each layer. Places are in pixels of the whole drawing. */
export interface SpectrumPanel {
  readonly kind: string
  readonly x: number
  readonly y: number
  readonly width: number
  /** Where the singular values are drawn. */
  readonly plot: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  /** By layer. */
  readonly lines: readonly PanelLine[]
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
}

export interface SpectrumPanels {
  readonly width: number
  readonly height: number
  readonly panels: readonly SpectrumPanel[]
  /** Marks of the common scale, relative to a panel's top. */
  readonly scale: readonly { readonly at: number; readonly label: string }[]
}

const leftRoom = 34
const gap = 12
const titleHeight = 18
const plotHeight = 64
const labelHeight = 18

const layerWords = (layer: number | null): string => (layer === null ? 'outside the layers' : `layer ${layer}`)

/** Modules with a spectrum, by layer. */
export function withSpectrum(modules: readonly ModuleInspection[]): readonly ModuleInspection[] {
  return modules
    .filter((module) => module.singularValues.length > 0)
    .sort((one, other) => (one.layer ?? Infinity) - (other.layer ?? Infinity) || one.name.localeCompare(other.name))
}

/** Geometry of the small multiples: a panel for each module kind, a line for each layer, one scale from zero for all. */
export function layOutPanels(modules: readonly ModuleInspection[], width: number): SpectrumPanels {
  const drawn = withSpectrum(modules)
  const kinds = kindsOf(drawn)
  const perRow = Math.max(1, Math.min(kinds.length, Math.floor((width - leftRoom + gap) / (128 + gap))))
  const panelWidth = (width - leftRoom - gap * (perRow - 1)) / perRow
  const panelHeight = titleHeight + plotHeight + labelHeight
  const most = max(drawn, (module) => module.singularValues.length) ?? 1
  const y = scaleLinear([0, max(drawn, (module) => module.singularValues[0] ?? 0) || 1], [plotHeight, 0])
  const x = scaleLinear([1, Math.max(2, most)], [4, panelWidth - 8])
  const panels = kinds.map((kind, index): SpectrumPanel => {
    const left = leftRoom + (index % perRow) * (panelWidth + gap)
    const top = Math.floor(index / perRow) * panelHeight
    const lines = drawn
      .filter((module) => module.moduleKind === kind)
      .map((module): PanelLine => {
        const points = module.singularValues.map((value, place) => ({ x: left + x(place + 1), y: top + titleHeight + y(value) }))
        return { name: module.name, text: lineText(module), path: pathOf(points), points }
      })
    const ends = most < 2 ? [1] : [1, most]
    return {
      kind,
      x: left,
      y: top,
      width: panelWidth,
      plot: { x: left, y: top + titleHeight, width: panelWidth, height: plotHeight },
      lines,
      ticks: ends.map((value) => ({ at: left + x(value), label: String(value) })),
    }
  })
  return {
    width,
    height: Math.ceil(kinds.length / perRow) * panelHeight,
    panels,
    scale: y.ticks(2).map((value) => ({ at: titleHeight + y(value), label: formatNumber(value, 2) })),
  }
}

/** The line of a panel that passes nearest to a place of the drawing; -1 when there is none. */
export function nearestLine(panel: SpectrumPanel, at: { readonly x: number; readonly y: number }): number {
  const distances = panel.lines.map((line) => Math.min(...line.points.map((point) => Math.hypot(point.x - at.x, point.y - at.y))))
  return distances.indexOf(Math.min(...distances))
}

/** Where an arrow key leads: sideways through the layers of a panel, up and down to the next panel; null when nowhere. */
export function nextLine(
  panels: readonly { readonly lines: readonly unknown[] }[],
  at: { readonly panel: number; readonly line: number },
  key: string,
): { readonly panel: number; readonly line: number } | null {
  const lines = (panel: number): number => panels[panel]?.lines.length ?? 0
  const steps: Readonly<Record<string, readonly [panel: number, line: number]>> = {
    ArrowDown: [at.panel + 1, at.line],
    ArrowUp: [at.panel - 1, at.line],
    ArrowRight: [at.panel, at.line + 1],
    ArrowLeft: [at.panel, at.line - 1],
    Home: [at.panel, 0],
    End: [at.panel, lines(at.panel) - 1],
  }
  const [panel, wanted] = steps[key] ?? [at.panel, at.line]
  const line = Math.max(0, Math.min(lines(panel) - 1, wanted))
  return lines(panel) === 0 || (panel === at.panel && line === at.line) ? null : { panel, line }
}

/** The finding, for the chart's title. */
export function panelsFinding(inspection: Pick<AdapterInspection, 'effectiveRank' | 'modules'>): string {
  const most = max(inspection.modules, (module) => module.singularValues.length) ?? 0
  if (inspection.effectiveRank === null || most === 0) return 'Singular values of the update'
  return `The update uses about ${formatNumber(inspection.effectiveRank, 2)} of its ${most} ranks`
}

/** The same numbers as a table: one row for each singular value. */
export function panelsTable(modules: readonly ModuleInspection[]): ChartTable {
  return {
    columns: [
      { label: 'Module', numeric: false },
      { label: 'Index', numeric: true },
      { label: 'Singular value', numeric: true },
      { label: 'Effective rank', numeric: true },
    ],
    rows: withSpectrum(modules).flatMap((module) =>
      module.singularValues.map((value, place) => [module.name, place + 1, value, module.effectiveRank]),
    ),
  }
}

/** A module's effective rank in words, for its cell of the matrix. */
export function effectiveRankText(module: ModuleInspection): string {
  const where = `${module.moduleKind}, ${layerWords(module.layer)}`
  if (module.effectiveRank === null) return `${where}: no spectrum (rank above 512)`
  return `${where}: effective rank ${formatNumber(module.effectiveRank, 3)} of ${module.singularValues.length}`
}

function lineText(module: ModuleInspection): string {
  const first = module.singularValues
    .slice(0, 3)
    .map((value) => formatNumber(value, 3))
    .join(', ')
  const more = module.singularValues.length > 3 ? ` to ${formatNumber(module.singularValues.at(-1) ?? 0, 3)}` : ''
  return `${effectiveRankText(module)}; singular values ${first}${more}`
}

function pathOf(points: readonly { readonly x: number; readonly y: number }[]): string {
  return points.map((point, place) => `${place === 0 ? 'M' : 'L'}${point.x.toFixed(1)},${point.y.toFixed(1)}`).join('')
}
