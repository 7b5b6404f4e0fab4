import type { Strategy } from './strategy.ts'

/** The metric of the adapter alone at coefficient 1, turned so that larger is better. */
export const evaluation: Strategy = {
  needs: 'metric',
  value: ({ metric }) => metric && (metric.direction === 'lower' ? -metric.value : metric.value),
}
