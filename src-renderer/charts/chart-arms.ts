import type * as v from 'valibot'
import type { costGainSchema, readings, stairSchema } from '../../src-main/contract/comparison.ts'
import { metricOf, type MetricId } from '../../src-main/contract/metrics.ts'
import type { ArmRole } from '../../src-main/contract/plan.ts'
import { formatNumber, formatPercent, formatSigned } from '../format/numbers.ts'

/** An arm as charts need it. */
export interface ChartArm {
  readonly id: string
  readonly label: string
  /** Its place in the verdict; null for arms that are only shown beside. */
  readonly role: ArmRole | null
  /** A control is drawn hollow whatever its role; roles of random and re-tuned arms are controls anyway. */
  readonly control?: boolean
}

export interface ChartTask {
  readonly id: string
  readonly title: string
}

/** How values of a plan are named, bounded and written. Larger is better always (comparison.ts: values follow the metric's direction). */
export interface Measure {
  /** "Exact match". */
  readonly label: string
  /** What differences are in: "points" or "nats". */
  readonly differenceUnit: string
  /** What values cannot leave: 0 and 1 for shares. */
  readonly bounds: readonly [number, number]
  readonly write: (value: number) => string
  /** A difference with its sign, without the unit. */
  readonly writeDifference: (value: number) => string
}

/** Values of the study by role; null where it measured none (contract/comparison.ts, paperReference). */
export type StudyValues = Readonly<Partial<Record<ArmRole, number | null>>>

export type Stair = v.InferOutput<typeof stairSchema>
export type CostGain = v.InferOutput<typeof costGainSchema>
export type Reading = (typeof readings)[number]

/** How a paired difference reads, in words. */
export const readingWords: Readonly<Record<Reading, string>> = {
  above: 'better',
  below: 'worse',
  undecided: 'not decidable',
  nothing: 'nothing measurable',
}

/** The measure of one metric, or of several: shares together are a score in per cent, anything mixed is a plain number. */
export function measureOf(metricIds: readonly MetricId[]): Measure {
  const metrics = [...new Set(metricIds)].map(metricOf)
  const one = metrics.length === 1 ? metrics[0] : undefined
  if (metrics.every(({ unit }) => unit === 'fraction'))
    return {
      label: one?.label ?? 'Score',
      differenceUnit: 'points',
      bounds: [0, 1],
      write: (value) => formatPercent(value),
      writeDifference: (value) => formatSigned(100 * value, 1),
    }
  const signed = one?.direction === 'lower' ? `${one.label}, times −1` : (one?.label ?? 'Score of mixed units')
  return {
    label: signed,
    differenceUnit: one?.unit ?? 'mixed units',
    bounds: [-Infinity, Infinity],
    write: (value) => formatNumber(value),
    writeDifference: (value) => formatSigned(value, 3),
  }
}

/** The label of an arm; its id where the plan does not name it. */
export function labelOf(arms: readonly ChartArm[], id: string): string {
  return arms.find((arm) => arm.id === id)?.label ?? id
}
