import { max, range } from 'd3-array'
import type { ModuleInspection } from '../../../../src-main/contract/inspection.ts'
import { kindsOf } from '../../../charts/update-norm-by-layer.ts'
import { effectiveRankText, withSpectrum } from './spectrum-panels.ts'

/** One target module in the matrix of effective ranks. */
export interface RankCell {
  readonly name: string
  readonly row: number
  readonly column: number
  readonly x: number
  readonly y: number
  /** Step of the sequential ramp, 0 to 5. */
  readonly step: number
  /** What is read out and shown on hover. */
  readonly text: string
}

export interface RankMatrix {
  readonly kinds: readonly string[]
  /** By row, then by column. */
  readonly cells: readonly RankCell[]
  readonly cellWidth: number
  readonly cellHeight: number
  /** Where the first column begins. */
  readonly left: number
  readonly width: number
  readonly height: number
  /** Columns that are named below, with the middle of each. */
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
  /** The largest effective rank, at the end of the ramp. */
  readonly largest: number
}

const left = 72
const cellHeight = 16
const labelHeight = 16
const rampSteps = 6
const outside = '–'

/** Module kinds down, layers across from the first to the last touched one; modules outside the layers come last. `width` in pixels. */
export function layOutRanks(modules: readonly ModuleInspection[], width: number): RankMatrix {
  const known = withSpectrum(modules)
  const kinds = kindsOf(known)
  const layers = known.flatMap((module) => module.layer ?? [])
  const columns = [
    ...(layers.length === 0 ? [] : range(Math.min(...layers), Math.max(...layers) + 1).map(String)),
    ...(known.some((module) => module.layer === null) ? [outside] : []),
  ]
  const cellWidth = Math.max(2, Math.min(36, Math.floor((width - left) / Math.max(1, columns.length))))
  const largest = max(known, (module) => module.effectiveRank ?? 0) ?? 0
  const cells = known
    .map((module): RankCell => {
      const row = kinds.indexOf(module.moduleKind)
      const column = columns.indexOf(module.layer === null ? outside : String(module.layer))
      const share = largest > 0 ? (module.effectiveRank ?? 0) / largest : 0
      return {
        name: module.name,
        row,
        column,
        x: left + column * cellWidth,
        y: row * cellHeight,
        step: Math.min(rampSteps - 1, Math.floor(share * rampSteps)),
        text: effectiveRankText(module),
      }
    })
    .sort((one, other) => one.row - other.row || one.column - other.column)
  /** Labels of two digits need about 20 pixels. */
  const every = Math.max(1, Math.ceil(20 / cellWidth))
  return {
    kinds,
    cells,
    cellWidth,
    cellHeight,
    left,
    width: left + columns.length * cellWidth,
    height: kinds.length * cellHeight + labelHeight,
    ticks: columns.flatMap((label, place) => (place % every === 0 ? [{ at: left + (place + 0.5) * cellWidth, label }] : [])),
    largest,
  }
}

/** The cell that an arrow key leads to: the next one along the row, the nearest one in the next row; null when there is none. */
export function nextRankCell(cells: readonly RankCell[], at: number, key: string): number | null {
  const from = cells[at]
  if (!from) return null
  if (key === 'Home') return 0
  if (key === 'End') return cells.length - 1
  if (key === 'ArrowRight' || key === 'ArrowLeft') {
    const to = at + (key === 'ArrowRight' ? 1 : -1)
    return cells[to]?.row === from.row ? to : null
  }
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return null
  const inRow = cells.filter((cell) => cell.row === from.row + (key === 'ArrowDown' ? 1 : -1))
  const nearest = [...inRow].sort((one, other) => Math.abs(one.column - from.column) - Math.abs(other.column - from.column))[0]
  return nearest ? cells.indexOf(nearest) : null
}
