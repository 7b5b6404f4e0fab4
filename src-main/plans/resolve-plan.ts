import { budgets, type Task } from '../contract/task.ts'
import type { PlanFile } from '../contract/plan.ts'
import { errorProblem, hasError, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { ReadyBase } from '../jobs/evaluate-resolve.ts'
import { findBase as readyBase } from '../jobs/evaluate-resolve.ts'
import { anecdotalBelow } from './compare-arms.ts'
import { checkPlanSizes } from './plan-sizes.ts'
import { findPlanPool } from './plan-pool.ts'
import type { PlanServices, ResolvedPlan } from './plan-services.ts'

/** A plan's names looked up: everything that is known of it, and what is wrong. `resolved` is null when a problem blocks. */
export interface PlanResolution {
  readonly resolved: ResolvedPlan | null
  readonly base: ReadyBase | null
  /** The tasks that were found, by their names in the plan. */
  readonly tasks: ReadonlyMap<string, Task>
  /** Content hashes of the pool, in its order. */
  readonly poolHashes: readonly string[]
  readonly problems: readonly Problem[]
}

const anecdoteHint = `At least ${anecdotalBelow} are needed for an interval worth its name.`

/** Whether a problem says that a test is small, which results say for themselves once they are there. */
export function isAnecdote({ code, hint }: Problem): boolean {
  return code === 'task-small' && hint === anecdoteHint
}

/** Test examples that a plan asks of a task. */
export function testCount({ counts }: Pick<Task, 'counts'>, { testLimit }: Pick<PlanFile, 'testLimit'>): number {
  return Math.min(counts.test, testLimit ?? Infinity)
}

/**
 * Finds what a plan names in the library: base model, tasks, pool. Refused are names that mean nothing and tasks without a test split or labelled
 * examples; small tests, pools and tasks are said. `hashes`: contents of a pool that was fixed when the plan began.
 */
export async function resolvePlan(
  file: PlanFile,
  services: PlanServices,
  hashes: readonly string[] | null = null,
): Promise<PlanResolution> {
  const { library, evaluation } = services
  await evaluation.lookAtBases()
  await library.bases.readShapes()
  const found = library.bases.find(file.base)
  const { base, problem } = 'code' in found ? { base: null, problem: found } : readyBase(found.id, evaluation)
  const looked = file.tasks.map((name) => ({ name, ...findTask(name, file, services) }))
  const tasks = new Map(looked.flatMap(({ name, task }) => (task ? [[name, task] as const] : [])))
  const { pool, problems: poolProblems } = base ? findPlanPool(file, base, services, hashes) : { pool: [], problems: [] }
  const problems = [
    ...(problem ? [{ ...problem, where: { ...problem.where, field: 'base' } }] : []),
    ...looked.flatMap((one) => one.problems),
    ...poolProblems,
    ...(pool.length > 0 ? checkPlanSizes(file, pool.length) : []),
  ]
  const taskIds = new Map([...tasks].map(([name, { id }]) => [name, id]))
  const resolved = base && !hasError(problems) ? { file, baseId: base.id, taskIds, pool: pool.map(({ id }) => id) } : null
  return { resolved, base, tasks, poolHashes: pool.map(({ contentHash }) => contentHash), problems }
}

function findTask(
  name: string,
  file: PlanFile,
  { library }: Pick<PlanServices, 'library'>,
): { readonly task: Task | null; readonly problems: readonly Problem[] } {
  try {
    library.tasks.file(name)
    const task = library.tasks.get(name)
    return task ? { task, problems: checkTask(task, file, library.tasks) } : { task: null, problems: [] }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { task: null, problems: error.problems.map((problem) => ({ ...problem, where: { ...problem.where, field: 'tasks' } })) }
  }
}

function checkTask(task: Task, file: PlanFile, tasks: PlanServices['library']['tasks']): readonly Problem[] {
  const { id, title } = task
  const where = { field: 'tasks', value: id }
  if (task.counts.test === 0)
    return [
      errorProblem('split-empty', `${title} has no test examples, so nothing can be compared on it.`, {
        where,
        hint: 'Deal its examples out anew, or give it a test split.',
      }),
    ]
  const test = testCount(task, file)
  const anecdotal = warningProblem('task-small', `${title} has ${test} test examples here: what it says is an anecdote.`, {
    where,
    hint: anecdoteHint,
  })
  return [...(test < anecdotalBelow ? [anecdotal] : []), ...checkLabelled(task, file, tasks)]
}

/** What is to be said of the labelled examples that arms learn from; nothing where no arm learns or chooses. */
function checkLabelled(
  { id, title }: Task,
  { arms, budgets: wanted }: PlanFile,
  tasks: PlanServices['library']['tasks'],
): readonly Problem[] {
  if (arms.every(({ kind }) => kind === 'base')) return []
  const problems = wanted.flatMap((budget) => {
    const known = budgets.find((one) => one === budget) ?? null
    const train = tasks.labelled(id, 'train', known).problems
    const validation = tasks.labelled(id, 'validation', known).problems
    // A task without a validation split is learned from all the same.
    return [...train, ...validation.filter(({ severity }) => severity !== 'error')].map((problem) => ({
      ...problem,
      message: `${title}${known === null ? '' : `, ${known} examples`}: ${problem.message}`,
      where: { ...problem.where, field: 'tasks', value: id },
    }))
  })
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()]
}
