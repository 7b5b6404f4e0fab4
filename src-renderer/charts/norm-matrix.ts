import { max, range } from 'd3-array'
import { formatNorm, formatPercent } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'
import { kindsOf, type NormOfModule } from './update-norm-by-layer.ts'

/** One adapter with the norms of its target modules. */
export interface NormsOfAdapter {
  readonly id: string
  readonly name: string
  readonly modules: readonly NormOfModule[]
}

export interface NormCell {
  readonly name: string
  readonly row: number
  readonly column: number
  readonly x: number
  readonly y: number
  /** Step of the sequential ramp, 0 to 5. */
  readonly step: number
  readonly text: string
}

export interface NormMatrix {
  readonly kinds: readonly string[]
  readonly columns: readonly string[]
  readonly cells: readonly NormCell[]
  readonly cellWidth: number
  readonly cellHeight: number
  readonly left: number
  readonly width: number
  readonly height: number
  /** Columns that are named below, with the middle of each. */
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
}

const rampSteps = 6
const outside = '–'

/** The largest norm of a module over all adapters: the end of the ramp that small multiples share. */
export function largestNorm(adapters: readonly NormsOfAdapter[]): number {
  return max(adapters, (adapter) => max(adapter.modules, (module) => module.norm ?? 0)) ?? 0
}

/**
 * Cells of one adapter: module kinds down, layers across, from the first to the last touched layer; modules outside the layers come last.
 * Cells are as wide as fit, at most `widest` pixels.
 */
export function layOutNormMatrix(
  adapter: NormsOfAdapter,
  options: {
    readonly width: number
    readonly largest: number
    readonly rowHeight: number
    readonly nameWidth: number
    readonly widest?: number
  },
): NormMatrix {
  const { width, largest, rowHeight, nameWidth, widest = 36 } = options
  const kinds = kindsOf(adapter.modules)
  const layers = adapter.modules.flatMap((module) => module.layer ?? [])
  const columns = [
    ...(layers.length === 0 ? [] : range(Math.min(...layers), Math.max(...layers) + 1).map(String)),
    ...(adapter.modules.some((module) => module.layer === null) ? [outside] : []),
  ]
  const cellWidth = Math.max(2, Math.min(widest, Math.floor((width - nameWidth) / Math.max(1, columns.length))))
  const total = adapter.modules.reduce((sum, module) => sum + (module.norm ?? 0) ** 2, 0)
  const cells = adapter.modules
    .map((module): NormCell => {
      const row = kinds.indexOf(module.moduleKind)
      const column = columns.indexOf(module.layer === null ? outside : String(module.layer))
      return {
        name: module.name,
        row,
        column,
        x: nameWidth + column * cellWidth,
        y: row * rowHeight,
        step: normStep(module.norm ?? 0, largest),
        text: cellText(module, total),
      }
    })
    .sort((one, other) => one.row - other.row || one.column - other.column)
  const every = Math.max(1, Math.ceil((columns.length * 20) / Math.max(1, columns.length * cellWidth)))
  return {
    kinds,
    columns,
    cells,
    cellWidth,
    cellHeight: rowHeight,
    left: nameWidth,
    width: nameWidth + columns.length * cellWidth,
    height: kinds.length * rowHeight + 16,
    ticks: columns.flatMap((label, place) => (place % every === 0 ? [{ at: nameWidth + (place + 0.5) * cellWidth, label }] : [])),
  }
}

/** Step of the ramp for a norm: equal shares of the largest one, from zero. */
export function normStep(norm: number, largest: number): number {
  return largest <= 0 ? 0 : Math.min(rampSteps - 1, Math.floor((norm / largest) * rampSteps))
}

/** The cell an arrow key leads to, nearest in that direction; null when there is none. */
export function nextCell(cells: readonly Pick<NormCell, 'row' | 'column'>[], at: number, key: string): number | null {
  const from = cells[at]
  if (!from) return null
  const ahead: Readonly<Record<string, (cell: Pick<NormCell, 'row' | 'column'>) => boolean>> = {
    ArrowRight: (cell) => cell.row === from.row && cell.column > from.column,
    ArrowLeft: (cell) => cell.row === from.row && cell.column < from.column,
    ArrowDown: (cell) => cell.row > from.row,
    ArrowUp: (cell) => cell.row < from.row,
  }
  if (key === 'Home') return 0
  if (key === 'End') return cells.length - 1
  const wanted = ahead[key]
  if (!wanted) return null
  const far = (cell: Pick<NormCell, 'row' | 'column'>): number => Math.abs(cell.row - from.row) * 1000 + Math.abs(cell.column - from.column)
  const found = cells.filter(wanted).sort((one, other) => far(one) - far(other))[0]
  return found ? cells.indexOf(found) : null
}

/** The norms as a table: one row for each module of each adapter. */
export function normMatrixTable(adapters: readonly NormsOfAdapter[]): ChartTable {
  return {
    columns: [
      { label: 'adapter', numeric: false },
      { label: 'module', numeric: false },
      { label: 'layer', numeric: true },
      { label: 'norm', numeric: true },
    ],
    rows: adapters.flatMap(({ name, modules }) =>
      modules.map((module) => [name, module.name, module.layer === null ? '–' : String(module.layer), module.norm]),
    ),
  }
}

function cellText(module: NormOfModule, total: number): string {
  const where = module.layer === null ? 'outside the layers' : `layer ${module.layer}`
  if (module.norm === null) return `${module.moduleKind}, ${where}: norm not known yet`
  const share = total === 0 ? '' : `, ${formatPercent(module.norm ** 2 / total)} of the squared norm`
  return `${module.moduleKind}, ${where}: norm ${formatNorm(module.norm)}${share}`
}
