/** What an example asks of the model: text, the likelihood of each label, or the likelihood of the answer. */
export type Ask = 'generate' | 'choices' | 'loss'

/** One metric: everything that forms, tables and charts need to know. Its arithmetic is src-main/metrics/<id>.ts. */
export interface MetricEntry {
  readonly id: string
  readonly label: string
  readonly help: string
  readonly asks: Ask
  readonly direction: 'higher' | 'lower'
  /** wilson: a proportion (every example counts 0 or 1); bootstrap: anything else. */
  readonly interval: 'wilson' | 'bootstrap'
  /** fraction: 0 to 1, shown in per cent; nats: per token. */
  readonly unit: 'fraction' | 'nats'
  readonly reference: string
}

/** Every metric, in reading order. The only place where a metric's facts stand. */
export const metrics = [
  {
    id: 'exact_match',
    label: 'Exact match',
    help: 'The generated answer equals the expected one after spaces, a final full stop and case are taken away.',
    asks: 'generate',
    direction: 'higher',
    interval: 'wilson',
    unit: 'fraction',
    reference: 'Recycling LoRAs with adaptive merging, normalised exact match',
  },
  {
    id: 'choice_accuracy',
    label: 'Choice accuracy',
    help: 'The label with the largest log-likelihood is the expected one.',
    asks: 'choices',
    direction: 'higher',
    interval: 'wilson',
    unit: 'fraction',
    reference: 'Brown et al. 2020 (arXiv 2005.14165)',
  },
  {
    id: 'choice_accuracy_per_token',
    label: 'Choice accuracy per token',
    help: 'The label with the largest mean log-likelihood per token is the expected one, so that long labels are not at a disadvantage.',
    asks: 'choices',
    direction: 'higher',
    interval: 'wilson',
    unit: 'fraction',
    reference: 'Brown et al. 2020 (arXiv 2005.14165)',
  },
  {
    id: 'token_f1',
    label: 'Token F1',
    help: 'Harmonic mean of precision and recall of the words that the generated and the expected answer share.',
    asks: 'generate',
    direction: 'higher',
    interval: 'bootstrap',
    unit: 'fraction',
    reference: 'Rajpurkar et al. 2016 (arXiv 1606.05250)',
  },
  {
    id: 'rouge_l',
    label: 'ROUGE-L',
    help: 'F-measure of the longest common subsequence of words of the generated and the expected answer.',
    asks: 'generate',
    direction: 'higher',
    interval: 'bootstrap',
    unit: 'fraction',
    reference: 'Lin 2004, ROUGE',
  },
  {
    id: 'mean_loss',
    label: 'Mean loss',
    help: 'Cross-entropy per token of the expected answer, in nats; exp of it is the perplexity.',
    asks: 'loss',
    direction: 'lower',
    interval: 'bootstrap',
    unit: 'nats',
    reference: 'cross-entropy of the answer tokens',
  },
] as const satisfies readonly MetricEntry[]

export type MetricId = (typeof metrics)[number]['id']
export const metricIds = metrics.map(({ id }) => id) as readonly MetricId[] as readonly [MetricId, ...MetricId[]]

/** The entry of that metric. */
export function metricOf(id: MetricId): MetricEntry {
  return metrics.find((entry) => entry.id === id) as MetricEntry
}
