import { scaleLog, type ScaleLogarithmic } from 'd3-scale'
import { formatDuration } from '../format/durations.ts'
import { formatNumber } from '../format/numbers.ts'
import { thinTicks, ticksUp, type Tick } from './axis-ticks.ts'
import { labelOf, type ChartArm, type CostGain, type Measure } from './chart-arms.ts'
import type { ChartTable } from './chart-table.ts'
import { armLooks, roleLooks, type ArmLook } from './data-colours.ts'
import { scaleAcross } from './interval-rows.ts'
import { cutLabel, textWidth } from './labels.ts'
import { placeLabels, type PlacedLabel } from './place-labels.ts'

/** What costs and gains are drawn with. */
export interface CostGainInput {
  readonly arms: readonly ChartArm[]
  readonly costs: readonly CostGain[]
  readonly by: 'tokens' | 'seconds'
  readonly measure: Measure
  readonly intervalKind: string
}

export interface CostMark {
  readonly arm: string
  readonly look: ArmLook
  readonly x: number
  readonly y: number
  readonly low: number
  readonly high: number
  readonly text: string
  readonly label: (PlacedLabel & { readonly words: string }) | null
}

export interface CostGainLayout {
  /** From the cheapest to the dearest. */
  readonly marks: readonly CostMark[]
  readonly xTicks: readonly Tick[]
  readonly yTicks: readonly Tick[]
  /** Where no gain lies. */
  readonly zero: number
  readonly left: number
  readonly plotWidth: number
  readonly plotHeight: number
  /** Marks whose name found no room. */
  readonly unnamed: number
}

const left = 52
const side = 16
const near = 12
const longestLabel = 250

/** Cost on a logarithmic axis; what cost nothing stands at its left end. */
export function layOutCostGain(input: CostGainInput, width: number): CostGainLayout {
  const { arms, by, measure } = input
  const costs = [...input.costs].sort((one, other) => one[by] - other[by])
  const plotHeight = Math.max(260, Math.min(520, costs.length * 22))
  const plotWidth = Math.max(120, width - left - 8)
  const known = costs.map((cost) => cost[by]).filter((cost) => cost > 0)
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const x = known.length === 0 ? scaleLog([1, 10], [side, plotWidth - side]) : scaleLog([least / 1.3, most * 1.3], [side, plotWidth - side])
  const y = scaleAcross([...costs.flatMap(({ gain }) => [gain.low, gain.high]), 0], {
    width: plotHeight,
    bounds: [-Infinity, Infinity],
    flip: true,
  })
  // Above the largest gain there is room for its name.
  y.range([plotHeight, 2 * near])
  const looks = armLooks(arms)
  const points = costs.map((cost) => ({ cost, x: cost[by] > 0 ? x(cost[by]) : 0, y: y(cost.gain.value) }))
  const words = costs.map(({ arm }) => cutLabel(labelOf(arms, arm), longestLabel))
  const labels = placeLabels(
    points.map((point, index) => ({
      x: point.x,
      y: point.y,
      width: textWidth(words[index] ?? ''),
      up: point.y - y(point.cost.gain.high),
      down: y(point.cost.gain.low) - point.y,
    })),
    { width: plotWidth, height: plotHeight },
    [{ x: 0, y: y(0) - 1, width: plotWidth, height: 2 }],
  )
  return {
    marks: points.map(({ cost, ...place }, index) => {
      const label = labels[index] ?? null
      return {
        arm: cost.arm,
        look: looks.get(cost.arm) ?? roleLooks.merged,
        ...place,
        low: y(cost.gain.low),
        high: y(cost.gain.high),
        text: costText(input, cost),
        label: label && { ...label, words: words[index] ?? '' },
      }
    }),
    xTicks: thinTicks([
      ...(known.length < costs.length ? [{ value: 0, at: 0, label: '0' }] : []),
      ...costTicks(by, x).map((value) => ({ value, at: x(value), label: writeCost(by, value).replace(/ 00 (s|min)$/, '') })),
    ]),
    yTicks: ticksUp(y, measure.writeDifference),
    zero: y(0),
    left,
    plotWidth,
    plotHeight,
    unnamed: labels.filter((label) => label === null).length,
  }
}

/** Lengths of time that people count in, in seconds. */
const roundTimes = [10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400, 172_800, 432_000, 864_000]

function costTicks(by: 'tokens' | 'seconds', scale: ScaleLogarithmic<number, number>): readonly number[] {
  const [least = 1, most = 1] = scale.domain()
  const ticks = scale.ticks(6).filter((value) => /^[125]/.test(value.toExponential()))
  if (by === 'tokens') return ticks
  return [...ticks.filter((value) => value < 10), ...roundTimes.filter((value) => value >= least && value <= most)]
}

/** Tokens as 12.3 k or 4.56 M, seconds as a length of time. */
export function writeCost(by: 'tokens' | 'seconds', value: number): string {
  if (by === 'seconds') return formatDuration(value)
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (value >= size)
      return `${formatNumber(value / size)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '')} ${unit}`
  return formatNumber(value)
}

function costText({ arms, measure, intervalKind }: CostGainInput, { arm, tokens, seconds, gain }: CostGain): string {
  const write = measure.writeDifference
  return `${labelOf(arms, arm)}: gain ${write(gain.value)} ${measure.differenceUnit}, ${intervalKind} interval from ${write(gain.low)} to ${write(gain.high)}; ${writeCost('tokens', tokens)} tokens, ${writeCost('seconds', seconds)}`
}

/** The largest gain with its cost, and the cheapest arm that gains clearly. */
export function costFinding({ arms, costs, by, measure }: CostGainInput): string {
  const unit = by === 'tokens' ? ' tokens' : ''
  const spent = (cost: CostGain): string => `${writeCost(by, cost[by])}${unit}`
  const clear = costs.filter(({ gain }) => gain.low > 0)
  if (costs.length === 0) return 'No cost is known yet'
  if (clear.length === 0) return 'No arm gains clearly over the base model'
  const best = clear.reduce((most, cost) => (cost.gain.value > most.gain.value ? cost : most))
  const cheapest = clear.reduce((least, cost) => (cost[by] < least[by] ? cost : least))
  const first = `${labelOf(arms, best.arm)} gains most, ${measure.writeDifference(best.gain.value)} ${measure.differenceUnit} for ${spent(best)}`
  if (cheapest.arm === best.arm) return `${first}, and is the cheapest that gains clearly`
  return `${first}; ${labelOf(arms, cheapest.arm)} gains ${measure.writeDifference(cheapest.gain.value)} for ${spent(cheapest)}`
}

export function costTable({ arms, costs, measure }: CostGainInput): ChartTable {
  const count = { numeric: true, format: (value: number) => formatNumber(value) }
  const difference = { numeric: true, format: measure.writeDifference }
  return {
    columns: [
      { label: 'arm', numeric: false },
      { label: 'tokens', ...count },
      { label: 'seconds', ...count },
      { label: 'gain', ...difference },
      { label: 'low', ...difference },
      { label: 'high', ...difference },
    ],
    rows: costs.map(({ arm, tokens, seconds, gain }) => [labelOf(arms, arm), tokens, seconds, gain.value, gain.low, gain.high]),
  }
}
