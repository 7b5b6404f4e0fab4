import { metricIds, type MetricId } from '../../../src-main/contract/metrics.ts'
import type { RunRow, RunsQuery } from '../../../src-main/contract/runs-list.ts'
import { formatCount, formatNumber, formatSigned } from '../../format/numbers.ts'
import { plural } from '../../format/words.ts'
import type { IconName } from '../../parts/icons.ts'
import { statusMarks, type StatusKind } from '../../parts/status.ts'
import { formatDifference, formatValue } from '../evaluate/evaluate-words.ts'

export const kindWords: Readonly<Record<RunRow['kind'], string>> = { plan: 'Plan', evaluation: 'Evaluation', adaptation: 'Adaptation' }
export const kindIcons: Readonly<Record<RunRow['kind'], IconName>> = { plan: 'compare', evaluation: 'evaluate', adaptation: 'adapt' }

export const sortWords: Readonly<Record<RunsQuery['sort'], string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  title: 'By title',
  value: 'Largest value',
}

/** How a run's state is drawn. States that have no mark of their own keep their word. */
export function stateMark(state: string): { readonly kind: StatusKind; readonly label: string } {
  const others: Readonly<Record<string, StatusKind>> = { partial: 'warning', imported: 'duplicate', open: 'queued' }
  const kind = state in statusMarks ? (state as StatusKind) : (others[state] ?? 'queued')
  return { kind, label: state }
}

/** The value of an evaluation; a dash for other runs and before the first example. */
export function valueOf({ metric, value }: Pick<RunRow, 'metric' | 'value'>): string {
  if (value === null) return '–'
  return metric !== null && isMetric(metric) ? formatValue(metric, value) : formatNumber(value)
}

/** "62.0 % to 69.1 %, n = 300", for hover and for the line below the value. */
export function intervalOf({ metric, low, high, n }: Pick<RunRow, 'metric' | 'low' | 'high' | 'n'>): string {
  if (low === null || high === null || metric === null || !isMetric(metric)) return ''
  return `95 % interval ${formatValue(metric, low)} to ${formatValue(metric, high)}${n === null ? '' : `, n = ${formatCount(n)}`}`
}

/** A paired difference with its interval and n, in the metric that both runs share. */
export function differenceWords(
  metric: string | null,
  { value, low, high, n }: { readonly value: number; readonly low: number; readonly high: number; readonly n: number },
): string {
  const shown = (difference: number): string =>
    metric !== null && isMetric(metric) ? formatDifference(metric, difference) : formatSigned(difference, 3)
  return `${shown(value)} (${shown(low)} to ${shown(high)}, n = ${formatCount(n)})`
}

/** What removing these runs takes away, and what stays. */
export function removalWords(runs: readonly RunRow[]): string {
  const count = (kind: RunRow['kind']): number => runs.filter((run) => run.kind === kind).length
  const parts = [
    ...(count('plan') > 0 ? [`${plural(count('plan'), 'plan')} with all results`] : []),
    ...(count('evaluation') > 0 ? [`${plural(count('evaluation'), 'evaluation')} with the outcome of every example`] : []),
    ...(count('adaptation') > 0 ? [`${plural(count('adaptation'), 'adaptation')} with curve and trials`] : []),
  ]
  return `${parts.join(', ')}. Adapters stay. To only take runs out of the list, archive them.`
}

function isMetric(id: string): id is MetricId {
  return (metricIds as readonly string[]).includes(id)
}
