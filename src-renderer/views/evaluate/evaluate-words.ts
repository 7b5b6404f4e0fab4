import { metricOf, type MetricId } from '../../../src-main/contract/metrics.ts'
import type { EvaluatedSplit, EvaluatePlan, Run } from '../../../src-main/contract/run.ts'
import { formatBytes } from '../../format/bytes.ts'
import { formatDuration } from '../../format/durations.ts'
import { formatCount, formatNumber, formatPercent, formatSigned } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'

export const splitWords: Readonly<Record<EvaluatedSplit, string>> = {
  test: 'Test',
  validation: 'Validation',
  train: 'Training',
  'train+validation': 'Training and validation',
}

/** A metric's value: a share in per cent, or nats. */
export function formatValue(metric: MetricId, value: number): string {
  return metricOf(metric).unit === 'fraction' ? formatPercent(value) : formatNumber(value)
}

/** A difference of two values: in points for shares. */
export function formatDifference(metric: MetricId, value: number): string {
  return metricOf(metric).unit === 'fraction' ? formatSigned(100 * value, 1) : formatSigned(value, 3)
}

/** What values of a metric cannot leave. */
export function boundsOf(metric: MetricId): readonly [number, number] {
  return metricOf(metric).unit === 'fraction' ? [0, 1] : [0, Infinity]
}

/** Where a value comes from, for hover and focus. */
export function valueWords(run: Run): string {
  const { metric, value, low, high, n, done, skipped, intervalKind } = run
  if (value === null || low === null || high === null) return `${formatCount(done)} of ${plural(n, 'example')} answered`
  return [
    `${metricOf(metric).label} ${formatValue(metric, value)}, ${intervalKind} from ${formatValue(metric, low)} to ${formatValue(metric, high)}`,
    `n = ${formatCount(done)}${done < n ? ` of ${formatCount(n)}, not ended yet` : ''}`,
    ...(skipped > 0 ? [`${plural(skipped, 'example')} left out: prompt too long`] : []),
  ].join('; ')
}

/** better, worse or open: by a paired interval that leaves out zero, in the direction of the metric. */
export function judge(metric: MetricId, difference: { readonly low: number; readonly high: number }): 'better' | 'worse' | 'open' {
  const up = metricOf(metric).direction === 'higher'
  if (difference.low > 0) return up ? 'better' : 'worse'
  if (difference.high < 0) return up ? 'worse' : 'better'
  return 'open'
}

/** What an evaluation will do, in one sentence. */
export function planWords(plan: EvaluatePlan): string {
  const open = plan.runs - plan.known
  const parts = [
    `${plural(plan.runs, 'run')}${plan.known > 0 ? `, ${formatCount(plan.known)} known already` : ''}`,
    open === 0
      ? 'nothing left to compute'
      : `${plural(plan.examples, 'example')} and ${plural(plan.promptTokens, 'token')} of prompts on ${plan.device}`,
    ...(plan.skipped > 0 ? [`${plural(plan.skipped, 'example')} left out for their length`] : []),
    ...(plan.needsBytes !== null ? [`needs ${formatBytes(plan.needsBytes)}`] : []),
    ...(plan.etaSeconds !== null && open > 0 ? [`about ${formatDuration(plan.etaSeconds)}`] : []),
  ]
  return `${parts.join('; ')}.`
}
