import type { MetricId } from '../../../src-main/contract/metrics.ts'
import type { Difference, Results, Run } from '../../../src-main/contract/run.ts'

/** A run with a value and its interval; done as far as n. */
export function runOf(id: string, value: number | null, metric: MetricId = 'exact_match', facts: Partial<Run> = {}): Run {
  return {
    id,
    subject: { key: id, kind: 'adapter', label: id, adapterId: id },
    baseId: 'base-1',
    taskId: 'task',
    split: 'test',
    budget: null,
    metric,
    done: 100,
    n: 100,
    skipped: 0,
    value,
    low: value === null ? null : value - 0.05,
    high: value === null ? null : value + 0.05,
    intervalKind: 'Wilson 95 %',
    finishedAt: null,
    provenance: {},
    problems: [],
    ...facts,
  }
}

/** Results of the base model and of adapters, by name, with one value per metric. */
export function resultsOf(
  metrics: readonly MetricId[],
  rows: Readonly<Record<string, readonly (number | null)[]>>,
  differences: Readonly<Record<string, readonly (Difference | null)[]>> = {},
): Results {
  return {
    columns: metrics.map((metric, index) => ({ taskId: `task-${index}`, title: `Task ${index}`, split: 'test', budget: null, metric })),
    rows: Object.entries(rows).map(([name, values]) => ({
      subject: { key: name, kind: name === 'base' ? 'base' : 'adapter', label: name, adapterId: name === 'base' ? null : name },
      cells: values.map((value, index) => ({
        run: runOf(`${name}-${index}`, value, metrics[index] ?? 'exact_match'),
        difference: differences[name]?.[index] ?? null,
      })),
      mean: null,
    })),
    baseline: 'base',
  }
}
