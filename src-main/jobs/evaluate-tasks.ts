import { metricOf, type MetricEntry, type MetricId } from '../contract/metrics.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { EvaluateInput } from '../contract/run.ts'
import type { Example, Task, TaskFile } from '../contract/task.ts'
import type { EvaluateServices } from './evaluate-services.ts'

type Wanted = EvaluateInput['tasks'][number]

/** Examples of one task and what is asked about them. */
export interface ReadyTask extends Pick<Wanted, 'split' | 'budget'> {
  readonly task: Task
  readonly file: TaskFile
  readonly metricId: MetricId
  readonly metric: MetricEntry
  readonly maxNewTokens: number
  readonly examples: readonly Example[]
}

/** Every task that is asked for, once each and in the order given; all that is wrong with them is collected. */
export function resolveTasks(
  { tasks: wanted, maxNewTokens }: Pick<EvaluateInput, 'tasks' | 'maxNewTokens'>,
  tasks: EvaluateServices['tasks'],
): { readonly ready: readonly ReadyTask[]; readonly problems: readonly Problem[] } {
  const ready = new Map<string, ReadyTask>()
  const problems: Problem[] = []
  for (const { taskId, split, budget, limit, metric } of wanted) {
    const task = tasks.get(taskId)
    if (!task) {
      problems.push(unknownTask(taskId))
      continue
    }
    const file = tasks.file(taskId)
    const { examples, problems: said } = tasks.labelled(taskId, split, budget)
    const metricId = metric ?? file.metric
    const entry = metricOf(metricId)
    const labels = entry.asks === 'choices' && (file.labels ?? []).length < 2 ? [withoutLabels(task, entry)] : []
    problems.push(...said, ...labels)
    const chosen = limit === null ? examples : firstById(examples, limit)
    const made = { task, file, split, budget, metricId, metric: entry, maxNewTokens: maxNewTokens ?? file.maxNewTokens, examples: chosen }
    ready.set(JSON.stringify([taskId, split, budget, limit, entry.id]), made)
  }
  return { ready: [...ready.values()], problems }
}

/** The first `limit` examples by the order of their ids, left in the order of the split. */
function firstById(examples: readonly Example[], limit: number): readonly Example[] {
  const sorted = examples.map(({ id }) => id).sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))
  const chosen = new Set(sorted.slice(0, limit))
  return examples.filter(({ id }) => chosen.has(id))
}

function unknownTask(id: string): Problem {
  return errorProblem('task-unknown', `There is no task ${id}.`, { where: { field: 'tasks', value: id }, hint: 'Add it first.' })
}

function withoutLabels({ id, title }: Task, metric: MetricEntry): Problem {
  return errorProblem('mapping-invalid', `${metric.label} chooses among labels, but ${title} names fewer than two.`, {
    where: { field: 'metric', value: id },
    hint: 'Choose exact match, or give the task its labels.',
  })
}
