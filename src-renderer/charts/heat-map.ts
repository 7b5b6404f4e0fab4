import { formatSigned } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'
import type { Clustering, Cosines } from './cluster.ts'

/** What stands left of and below the cells, in pixels. */
export interface HeatMapLayout {
  readonly count: number
  readonly cell: number
  /** Width and height of the square of cells. */
  readonly side: number
  readonly left: number
  readonly top: number
  /** Adapters named on the axes; false where a row is lower than its text. */
  readonly labelled: boolean
  /** True where the cells are drawn one by one; above a few thousand they are painted as one image. */
  readonly drawn: boolean
  readonly width: number
  readonly height: number
}

/** Most cells that are drawn one by one. */
export const mostDrawnCells = 2500
const smallestLabelled = 12
const largestCell = 30
const nameWidth = 132
const treeWidth = 96

/**
 * Geometry for `count` adapters in `width` by `height` pixels: names left, the tree on the right, cells as large as fit and at least one
 * pixel. Names are worth a map that is higher than `height`.
 */
export function layOutHeatMap(count: number, width: number, height: number): HeatMapLayout {
  const fit = (room: number): number => Math.max(1, Math.min(largestCell, Math.floor(room / Math.max(1, count))))
  const named = fit(width - nameWidth - treeWidth)
  const labelled = named >= smallestLabelled
  const cell = labelled ? Math.min(named, Math.max(smallestLabelled, fit(height - 18))) : Math.min(fit(width - treeWidth - 8), fit(height))
  const side = cell * count
  const left = labelled ? nameWidth : 0
  return {
    count,
    cell,
    side,
    left,
    top: 0,
    labelled,
    drawn: count * count <= mostDrawnCells,
    width: left + side + treeWidth,
    height: side + (labelled ? 18 : 4),
  }
}

/** One line of the dendrogram: a bracket from its two parts to the height at which they meet. */
export interface Bracket {
  /** Index of the join. */
  readonly join: number
  readonly path: string
  /** Where the two parts meet, in pixels; what the pointer and the keyboard reach. */
  readonly x: number
  readonly y: number
}

/** The dendrogram on the right of the cells: distance grows to the right, from 0 at the cells to the largest one. */
export function layOutTree(clustering: Clustering, layout: HeatMapLayout): readonly Bracket[] {
  const places = new Map(clustering.order.map((leaf, place) => [leaf, (place + 0.5) * layout.cell]))
  const largest = Math.max(0.001, clustering.joins.at(-1)?.distance ?? 0)
  const from = layout.left + layout.side + 4
  const nodes: { readonly x: number; readonly y: number }[] = Array.from({ length: layout.count }, (_, leaf) => ({
    x: from,
    y: places.get(leaf) ?? 0,
  }))
  return clustering.joins.map((join, index) => {
    const parts = [nodes[join.left], nodes[join.right]] as [(typeof nodes)[0], (typeof nodes)[0]]
    // Averages of rounded numbers can fall a hair below those of their parts; a bracket never turns back.
    const x = Math.max(parts[0].x, parts[1].x, from + (Math.max(0, join.distance) / largest) * (treeWidth - 12))
    const y = (parts[0].y + parts[1].y) / 2
    nodes.push({ x, y })
    return { join: index, path: `M${parts[0].x},${parts[0].y}H${x}V${parts[1].y}H${parts[1].x}`, x, y }
  })
}

/** A compared pair: indices into the adapters, row after column. */
export interface ComparedPair {
  readonly row: number
  readonly column: number
  readonly cosine: number
}

/** Every compared pair, the most alike or opposed first. */
export function comparedPairs(cosines: Cosines): readonly ComparedPair[] {
  const pairs: ComparedPair[] = []
  cosines.forEach((line, row) => {
    for (let column = 0; column < row; column++) {
      const cosine = line[column] ?? null
      if (cosine !== null) pairs.push({ row, column, cosine })
    }
  })
  return pairs.sort((one, other) => Math.abs(other.cosine) - Math.abs(one.cosine))
}

/** Largest size of a cosine at which two updates are called nearly unrelated. */
const unrelated = 0.1

/** The finding, for the chart's title. */
export function similarityFinding(names: readonly string[], pairs: readonly ComparedPair[]): string {
  const first = pairs[0]
  if (!first) return 'How alike are the updates? Nothing is compared yet'
  const name = (index: number): string => names[index] ?? ''
  if (Math.abs(first.cosine) < unrelated)
    return `The updates are nearly unrelated: no cosine beyond ${formatSigned(Math.abs(first.cosine))}`
  const word = first.cosine < 0 ? 'most opposed' : 'most alike'
  return `${name(first.column)} and ${name(first.row)} are ${word}: cosine ${formatSigned(first.cosine)}`
}

/** What the cell of two adapters says. */
export function cellText(names: readonly string[], cosines: Cosines, row: number, column: number): string {
  if (row === column) return `${names[row] ?? ''} itself`
  const cosine = cosines[row]?.[column] ?? null
  return `${names[row] ?? ''} and ${names[column] ?? ''}: ${cosine === null ? 'not compared yet' : `cosine ${formatSigned(cosine, 3)}`}`
}

/** The compared pairs as a table, and after them those that were not compared. */
export function similarityTable(names: readonly string[], cosines: Cosines, pairs: readonly ComparedPair[]): ChartTable {
  const name = (index: number): string => names[index] ?? ''
  const unknown = cosines.flatMap((line, row) =>
    line.slice(0, row).flatMap((cosine, column) => (cosine === null ? [[name(column), name(row), null]] : [])),
  )
  return {
    columns: [
      { label: 'adapter', numeric: false },
      { label: 'and', numeric: false },
      { label: 'cosine', numeric: true },
    ],
    rows: [...pairs.map((pair) => [name(pair.column), name(pair.row), pair.cosine]), ...unknown],
  }
}

/** Places between two ends of a brushed range, both inclusive and in either order. */
export function brushedMembers(order: readonly number[], from: number, to: number): readonly number[] {
  return order.slice(Math.max(0, Math.min(from, to)), Math.max(from, to) + 1)
}
