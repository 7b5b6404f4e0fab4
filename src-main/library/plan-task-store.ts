import type Database from 'better-sqlite3'
import type { PlanTask } from '../contract/plan-run.ts'
import type { PlanStore } from './plan-types.ts'

interface TaskRow {
  readonly task: string
  readonly title: string
  readonly metric: string
  readonly direction: string
  readonly hash: string
  readonly n: number
}

/** The part of PlanStore that is about tasks and their test examples. */
export function createPlanTaskStore(db: Database.Database): Pick<PlanStore, 'setTask' | 'tasks' | 'task' | 'taskFacts'> {
  const set = db.prepare(
    `INSERT INTO plan_tasks (plan_seq, task, title, metric, direction, hash, n, examples)
     VALUES ((SELECT seq FROM plans WHERE id = @id), @task, @title, @metric, @direction, @hash, @n, @examples)
     ON CONFLICT (plan_seq, task) DO UPDATE
     SET title = @title, metric = @metric, direction = @direction, hash = @hash, n = @n, examples = @examples`,
  )
  const of = 'FROM plan_tasks WHERE plan_seq = (SELECT seq FROM plans WHERE id = ?) ORDER BY rowid'
  const facts = db.prepare<[string], TaskRow>(`SELECT task, title, metric, direction, hash, n ${of}`)
  const whole = db.prepare<[string], TaskRow & { examples: string }>(`SELECT task, title, metric, direction, hash, n, examples ${of}`)
  const one = db.prepare<[string, string], TaskRow & { examples: string }>(
    `SELECT task, title, metric, direction, hash, n, examples FROM plan_tasks
     WHERE plan_seq = (SELECT seq FROM plans WHERE id = ?) AND task = ?`,
  )
  return {
    setTask: (id, { examples, ...task }) => void set.run({ id, ...task, n: examples.length, examples: JSON.stringify(examples) }),
    tasks: (id) => whole.all(id).map(taskOf),
    task(id, task) {
      const row = one.get(id, task)
      return row ? taskOf(row) : null
    },
    taskFacts: (id) => facts.all(id).map(({ n, ...row }) => ({ ...factsOf(row), n })),
  }
}

function factsOf({ task, title, metric, direction, hash }: Omit<TaskRow, 'n'>): Omit<PlanTask, 'examples'> {
  return { task, title, metric: metric as PlanTask['metric'], direction: direction as PlanTask['direction'], hash }
}

function taskOf(row: TaskRow & { readonly examples: string }): PlanTask {
  return { ...factsOf(row), examples: JSON.parse(row.examples) as PlanTask['examples'] }
}
