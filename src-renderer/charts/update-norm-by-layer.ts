import { max, range } from 'd3-array'
import { scaleBand, scaleLinear } from 'd3-scale'
import { formatNorm, formatPercent } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import type { ChartTable } from './chart-table.ts'

/** What the chart needs of a target module; `norm` is null until it was computed. */
export interface NormOfModule {
  readonly name: string
  readonly layer: number | null
  readonly moduleKind: string
  readonly norm: number | null
}

export interface NormBar {
  readonly name: string
  /** What is read out and shown on hover. */
  readonly text: string
  /** The whole height of its panel: what the pointer hits and the keyboard focuses. */
  readonly hit: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  /** What is drawn. */
  readonly bar: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

export interface NormPanel {
  readonly kind: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly bars: readonly NormBar[]
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
}

export interface NormChart {
  readonly width: number
  readonly height: number
  readonly panels: readonly NormPanel[]
  /** Labels of the common scale, for each panel at the left edge, relative to the panel's top. */
  readonly scale: readonly { readonly at: number; readonly label: string }[]
}

const kindOrder = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
const outside = 'outside'
const leftRoom = 34
const gap = 12
const titleHeight = 18
const plotHeight = 56
const labelHeight = 18

/** Module kinds in the order of a Llama block; any others after them by name. */
export function kindsOf(modules: readonly Pick<NormOfModule, 'moduleKind'>[]): readonly string[] {
  return [...new Set(modules.map((module) => module.moduleKind))].sort(compareKinds)
}

/** Order of two module kinds, as in kindsOf. */
export function compareKinds(left: string, right: string): number {
  const place = (kind: string): number => (kindOrder.includes(kind) ? kindOrder.indexOf(kind) : kindOrder.length)
  return place(left) - place(right) || left.localeCompare(right)
}

/** Geometry of the small multiples: one panel for each module kind, a bar for each layer, one scale from zero for all. */
export function normChart(modules: readonly NormOfModule[], width: number): NormChart {
  const kinds = kindsOf(modules)
  const perRow = Math.max(1, Math.min(kinds.length, Math.floor((width - leftRoom + gap) / (128 + gap))))
  const panelWidth = (width - leftRoom - gap * (perRow - 1)) / perRow
  const panelHeight = titleHeight + plotHeight + labelHeight
  const y = scaleLinear([0, max(modules, (module) => module.norm ?? 0) || 1], [plotHeight, 0])
  const layers = layersOf(modules)
  const x = scaleBand(layers, [0, panelWidth]).paddingInner(layers.length > 40 ? 0.1 : 0.25)
  const total = squaredSum(modules)
  const panels = kinds.map((kind, index): NormPanel => {
    const left = leftRoom + (index % perRow) * (panelWidth + gap)
    const top = Math.floor(index / perRow) * panelHeight
    const bars = modules
      .filter((module) => module.moduleKind === kind)
      .sort((first, second) => (first.layer ?? Infinity) - (second.layer ?? Infinity))
      .map((module): NormBar => {
        const from = left + (x(layerName(module.layer)) ?? 0)
        const height = plotHeight - y(module.norm ?? 0)
        return {
          name: module.name,
          text: barText(module, total),
          hit: { x: from - (x.step() - x.bandwidth()) / 2, y: top + titleHeight, width: x.step(), height: plotHeight },
          bar: { x: from, y: top + titleHeight + plotHeight - height, width: x.bandwidth(), height },
        }
      })
    return { kind, x: left, y: top, width: panelWidth, height: panelHeight, bars, ticks: layerTicks(layers, x, left) }
  })
  const rows = Math.ceil(kinds.length / perRow)
  const scale = y.ticks(2).map((value) => ({ at: titleHeight + y(value), label: String(value) }))
  return { width, height: rows * panelHeight, panels, scale }
}

/** The finding, for the chart's title. */
export function normFinding(modules: readonly NormOfModule[]): string {
  const total = squaredSum(modules)
  if (total === 0) return 'The update is zero in every module'
  const kinds = kindsOf(modules)
  const byKind = kinds.map((kind) => ({ word: kind, share: squaredSum(modules.filter((module) => module.moduleKind === kind)) / total }))
  const byLayer = layersOf(modules).map((layer) => ({
    word: layer === outside ? 'the module outside the layers' : `layer ${layer}`,
    share: squaredSum(modules.filter((module) => layerName(module.layer) === layer)) / total,
  }))
  const strongest = (
    shares: readonly { readonly word: string; readonly share: number }[],
  ): { readonly word: string; readonly share: number } => shares.reduce((best, next) => (next.share > best.share ? next : best))
  const layer = strongest(byLayer)
  if (kinds.length === 1) return `${capital(layer.word)} carries ${formatPercent(layer.share, 0)} of the update`
  const kind = strongest(byKind)
  return `${kind.word} carries ${formatPercent(kind.share, 0)} of the update, ${layer.word} carries ${formatPercent(layer.share, 0)}`
}

/** What is drawn, in one sentence. */
export function normSummary(modules: readonly NormOfModule[]): string {
  return `Norm of scaling · B · A by layer, on one scale; shares of the squared norm. ${plural(modules.length, 'module')}, whole update ${formatNorm(Math.sqrt(squaredSum(modules)))}.`
}

/** The same numbers as a table. */
export function normTable(modules: readonly NormOfModule[]): ChartTable {
  const total = squaredSum(modules)
  return {
    columns: [
      { label: 'Module', numeric: false },
      { label: 'Layer', numeric: true },
      { label: 'Norm', numeric: true },
      { label: 'Share of squared norm', numeric: true },
    ],
    rows: modules.map((module) => [
      module.name,
      module.layer === null ? '–' : String(module.layer),
      module.norm,
      module.norm === null || total === 0 ? null : module.norm ** 2 / total,
    ]),
  }
}

/** Where an arrow key leads from a mark: sideways along the layers of a panel, up and down to the next panel; null when nowhere. */
export function nextBar(
  panels: readonly NormPanel[],
  at: { readonly panel: number; readonly bar: number },
  key: string,
): { readonly panel: number; readonly bar: number } | null {
  const bars = (panel: number): number => panels[panel]?.bars.length ?? 0
  const panel = at.panel + (key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0)
  if (panel !== at.panel) return panels[panel] ? { panel, bar: Math.min(at.bar, bars(panel) - 1) } : null
  const bar = key === 'Home' ? 0 : key === 'End' ? bars(panel) - 1 : at.bar + (key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0)
  return bar === at.bar || bar < 0 || bar >= bars(panel) ? null : { panel, bar }
}

function squaredSum(modules: readonly NormOfModule[]): number {
  return modules.reduce((sum, module) => sum + (module.norm ?? 0) ** 2, 0)
}

function layerName(layer: number | null): string {
  return layer === null ? outside : String(layer)
}

/** Every layer from the first to the last touched one, so that a gap is seen; what lies outside the layers comes last. */
function layersOf(modules: readonly NormOfModule[]): readonly string[] {
  const numbers = modules.flatMap((module) => module.layer ?? [])
  const inside = numbers.length === 0 ? [] : range(Math.min(...numbers), Math.max(...numbers) + 1).map(String)
  return modules.some((module) => module.layer === null) ? [...inside, outside] : inside
}

function layerTicks(
  layers: readonly string[],
  x: { (layer: string): number | undefined; bandwidth(): number },
  left: number,
): readonly { readonly at: number; readonly label: string }[] {
  const ends = layers.length < 3 ? layers : [layers[0] as string, layers.at(-1) as string]
  return ends.map((layer) => ({ at: left + (x(layer) ?? 0) + x.bandwidth() / 2, label: layer === outside ? '–' : layer }))
}

function barText(module: NormOfModule, total: number): string {
  const where = module.layer === null ? 'outside the layers' : `layer ${module.layer}`
  if (module.norm === null) return `${module.moduleKind}, ${where}: norm not known yet`
  const share = total === 0 ? '' : `, ${formatPercent(module.norm ** 2 / total)} of the squared norm`
  return `${module.moduleKind}, ${where}: norm ${formatNorm(module.norm)}${share}`
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
