import { bin, extent, max, median } from 'd3-array'
import { scaleLinear, scaleLog } from 'd3-scale'
import { formatNumber, formatPercent } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import type { ChartTable } from './chart-table.ts'

/** Two groups of numbers on one axis: those looked at, and everything they come from. */
export interface HistogramData {
  readonly values: readonly number[]
  readonly reference: readonly number[]
  /** Bins of equal ratio instead of equal width; what is not above zero is then left out and counted. */
  readonly logarithmic: boolean
}

export interface HistogramBin {
  readonly from: number
  readonly to: number
  readonly count: number
  readonly referenceCount: number
  /** Shares of each group, 0 to 1. */
  readonly share: number
  readonly referenceShare: number
  readonly x: number
  readonly width: number
  readonly y: number
  readonly height: number
  readonly referenceY: number
}

export interface Histogram {
  readonly bins: readonly HistogramBin[]
  readonly x: readonly { readonly at: number; readonly label: string }[]
  readonly y: readonly { readonly at: number; readonly label: string }[]
  /** Numbers of the two groups that have no place on a logarithmic axis. */
  readonly leftOut: number
}

const mostBins = 16

/** Bins over both groups together and their shares as bars from zero; null when no number has a place. */
export function layOutHistogram(data: HistogramData, size: { readonly width: number; readonly height: number }): Histogram | null {
  const fits = (value: number): boolean => Number.isFinite(value) && (!data.logarithmic || value > 0)
  const values = data.values.filter(fits)
  const reference = data.reference.filter(fits)
  const [low, high] = extent([...values, ...reference])
  if (low === undefined || high === undefined) return null
  const edges = edgesOf(low, high, data.logarithmic, mostBins)
  const [first, last] = [edges[0] as number, edges.at(-1) as number]
  const x = (data.logarithmic ? scaleLog : scaleLinear)([first, last], [0, size.width])
  const binned = bin<number, number>().domain([first, last]).thresholds(edges.slice(1, -1))
  const [counts, referenceCounts] = [binned(values), binned(reference)]
  const shareOf = (count: number, of: readonly number[]): number => (of.length === 0 ? 0 : count / of.length)
  const highest =
    max([...counts.map((group) => shareOf(group.length, values)), ...referenceCounts.map((group) => shareOf(group.length, reference))]) || 1
  const y = scaleLinear([0, highest], [size.height, 0])
  const bins = edges.slice(0, -1).map((from, place): HistogramBin => {
    const to = edges[place + 1] as number
    const [count, referenceCount] = [counts[place]?.length ?? 0, referenceCounts[place]?.length ?? 0]
    const [share, referenceShare] = [shareOf(count, values), shareOf(referenceCount, reference)]
    const at = { x: x(from), width: x(to) - x(from), y: y(share), height: size.height - y(share), referenceY: y(referenceShare) }
    return { from, to, count, referenceCount, share, referenceShare, ...at }
  })
  const spread = x.ticks(5)
  const named =
    data.logarithmic && spread.length > 6 ? spread.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9)) : spread
  return {
    bins,
    x: (named.length >= 2 ? named : [first, last]).map((value) => ({ at: x(value), label: formatNumber(value, value >= 100 ? 3 : 2) })),
    y: [0, highest].map((value) => ({ at: y(value), label: formatPercent(value, 0) })),
    leftOut: data.values.length - values.length + data.reference.length - reference.length,
  }
}

/** The finding, for the chart's title: the medians of the two groups. `what` names the quantity, `write` a value of it. */
export function histogramFinding(what: string, data: HistogramData, write: (value: number) => string): string {
  const [mine, all] = [median(data.values), median(data.reference)]
  if (mine === undefined) return `${what}: not known yet`
  if (all === undefined || data.values.length === data.reference.length) return `${what}: median ${write(mine)}`
  return `${what}: median ${write(mine)}, in the library ${write(all)}`
}

/** What one bar says. */
export function binText(place: HistogramBin, write: (value: number) => string, lastOne: boolean): string {
  const until = lastOne ? 'to' : 'to below'
  return `${write(place.from)} ${until} ${write(place.to)}: ${plural(place.count, 'adapter')} shown (${formatPercent(place.share, 0)}), ${plural(place.referenceCount, 'adapter')} of the library (${formatPercent(place.referenceShare, 0)})`
}

/** The bins as a table. */
export function histogramTable(histogram: Histogram): ChartTable {
  return {
    columns: ['from', 'to', 'shown', 'share of the shown', 'library', 'share of the library'].map((label) => ({ label, numeric: true })),
    rows: histogram.bins.map((place) => [place.from, place.to, place.count, place.share, place.referenceCount, place.referenceShare]),
  }
}

/** Edges at round numbers around low and high, at most `most` + 1 of them; on a logarithmic axis at equal ratios. */
function edgesOf(low: number, high: number, logarithmic: boolean, most: number): readonly number[] {
  if (logarithmic) {
    const [from, to] = [Math.floor(Math.log2(low)), Math.floor(Math.log2(high)) + 1]
    const step = Math.max(1, Math.ceil((to - from) / most))
    const steps = Math.ceil((to - from) / step)
    // Few powers of two apart: bins of half a power, so that the shape can be seen.
    const finer = to - from <= most / 2 && low !== high ? 2 : 1
    return Array.from({ length: steps * finer + 1 }, (_, place) => 2 ** (from + (place * step) / finer))
  }
  if (low === high) return [low - 0.5, low + 0.5]
  const scale = scaleLinear([low, high], [0, 1]).nice(Math.min(most, 12))
  const ticks = scale.ticks(Math.min(most, 12))
  return ticks.length >= 2 ? ticks : [low, high]
}
