import { bin, extent, max, median, range } from 'd3-array'
import { scaleLinear, scaleLog } from 'd3-scale'
import { formatPercent } from '../format/numbers.ts'
import { plural } from '../format/words.ts'
import type { ChartTable } from './chart-table.ts'

/** Numbers that double (ranks) are read best in powers of two, others in powers of ten. */
export type HistogramScale = 'linear' | 'log2' | 'log10'

/** Two groups of numbers on one axis: those looked at, and everything they come from. */
export interface HistogramData {
  readonly values: readonly number[]
  readonly reference: readonly number[]
  /** log2 and log10: bins of equal ratio instead of equal width; what is not above zero is then left out and counted. */
  readonly scale: HistogramScale
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
  readonly x: readonly { readonly at: number; readonly value: number }[]
  readonly y: readonly { readonly at: number; readonly label: string }[]
  /** Numbers of the two groups that have no place on a logarithmic axis. */
  readonly leftOut: number
}

/** More bins than these are spikes. */
const mostBins = 16

/** Bins over both groups together and their shares as bars from zero; null when no number has a place. */
export function layOutHistogram(data: HistogramData, size: { readonly width: number; readonly height: number }): Histogram | null {
  const fits = (value: number): boolean => Number.isFinite(value) && (data.scale === 'linear' || value > 0)
  const values = data.values.filter(fits)
  const reference = data.reference.filter(fits)
  const [low, high] = extent([...values, ...reference])
  if (low === undefined || high === undefined) return null
  const edges = edgesOf(low, high, data.scale)
  const [first, last] = [edges[0] as number, edges.at(-1) as number]
  const x = (data.scale === 'linear' ? scaleLinear : scaleLog)([first, last], [0, size.width])
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
  return {
    bins,
    x: ticksOf(edges, data.scale).map((value) => ({ at: x(value), value })),
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

/** Edges around low and high: round numbers on a linear axis, equal ratios on a logarithmic one; at most `mostBins` bins. */
function edgesOf(low: number, high: number, scale: HistogramScale): readonly number[] {
  if (scale === 'linear') {
    if (low === high) return [low - 0.5, low + 0.5]
    const ticks = scaleLinear([low, high], [0, 1]).nice(12).ticks(12)
    return ticks.length >= 2 ? ticks : [low, high]
  }
  const base = scale === 'log2' ? 2 : 10
  // Rounded, so that a power itself begins its own bin.
  const power = (value: number): number => Math.log(value) / Math.log(base)
  const finest = scale === 'log2' ? 1 : 8
  const fit = (perPower: number): readonly [number, number] => [
    Math.floor(power(low) * perPower + 1e-9),
    Math.floor(power(high) * perPower + 1e-9) + 1,
  ]
  let perPower = finest
  while (fit(perPower)[1] - fit(perPower)[0] > mostBins) perPower /= 2
  const [from, to] = fit(perPower)
  return range(from, to + 1).map((step) => base ** (step / perPower))
}

/** The values that are named below the axis. */
function ticksOf(edges: readonly number[], scale: HistogramScale): readonly number[] {
  const [first, last] = [edges[0] as number, edges.at(-1) as number]
  if (scale === 'linear') return scaleLinear([first, last], [0, 1]).ticks(5)
  if (scale === 'log2') return edges.filter((_, place) => place % Math.ceil(edges.length / 7) === 0)
  const powers = range(Math.floor(Math.log10(first)), Math.ceil(Math.log10(last)) + 1)
  const few = [[1, 2, 5], [1, 3], [1]].map((mantissas) =>
    powers
      .flatMap((power) => mantissas.map((mantissa) => Number(`${mantissa}e${power}`)))
      .filter((value) => value >= first && value <= last),
  )
  return few.find((ticks) => ticks.length >= 2 && ticks.length <= 6) ?? [first, last]
}
