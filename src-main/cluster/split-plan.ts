import { join } from 'node:path'
import type { ClusterContent, ClusterJob, ClusterPlan } from '../contract/cluster-job.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { findBase } from '../jobs/evaluate-resolve.ts'
import type { PlanServices, ResolvedPlan } from '../plans/plan-services.ts'
import { planTask } from '../plans/plan-tasks.ts'
import { adapterPlace, copyAdapterInto, copyBaseInto, writeTaskInto } from './copy-content.ts'
import { describeJobs, listOf, type FoundPlan } from './describe-jobs.ts'
import { readSharedPlan, sharedFolder, writeShared, type SharedFolder } from './shared-folder.ts'

/** What is copied into the shared folder besides the tasks, which always are. */
export interface SplitOptions {
  readonly copyAdapters: boolean
  readonly copyBase: boolean
}

/** What splitting did. */
export interface SplitOutcome {
  readonly plan: ClusterPlan
  /** Job files that were written; the others were there as they should be. */
  readonly written: number
}

/**
 * Writes a plan into a shared folder: a self-contained file for each of its jobs, and the list of them. The same plan again leaves every file as it is;
 * another one is refused (shared-folder-taken). Throws a Refusal.
 */
export async function splitPlan(
  resolved: ResolvedPlan,
  folder: string,
  options: SplitOptions,
  services: PlanServices,
): Promise<SplitOutcome> {
  const shared = sharedFolder(folder)
  const found = findContents(resolved, services)
  const earlier = await readSharedPlan(shared)
  const [first] = describeJobs(found)
  if (!first) throw new Error('a plan has at least one job')
  if (earlier && earlier.fingerprint !== first.plan.fingerprint) throw new Refusal([taken(shared, earlier)])
  const jobs = describeJobs(await copyContents(found, shared, options, services))
  let written = 0
  for (const job of jobs) if (await writeShared(shared.job(job.number), job)) written += 1
  const tasks: ClusterPlan['tasks'][number][] = []
  for (const task of found.tasks) tasks.push(await listTask(task, shared, resolved, services))
  const base = { name: found.base.name, contentHash: found.base.contentHash }
  // Last, so that a folder with a list is complete; what made it stays named.
  const plan = listOf(jobs, { appVersion: earlier?.appVersion ?? services.appVersion, file: resolved.file, base, tasks })
  await writeShared(shared.plan, plan)
  return { plan, written }
}

function findContents(
  { file, baseId, taskIds, pool }: ResolvedPlan,
  { library, evaluation }: Pick<PlanServices, 'library' | 'evaluation'>,
): FoundPlan {
  const { base, problem } = findBase(baseId, evaluation)
  if (!base) throw new Refusal(problem ? [problem] : [])
  const tasks = file.tasks.map((name): ClusterJob['task'] => {
    const id = taskIds.get(name) ?? name
    const task = library.tasks.get(id)
    if (!task) throw new Refusal([errorProblem('task-unknown', `There is no task ${name}.`, { where: { field: 'tasks', value: name } })])
    return { name, id: task.id, path: task.id, hash: task.hash }
  })
  return {
    file,
    base: { name: base.name, path: base.path, contentHash: base.contentHash },
    tasks,
    pool: pool.map((id) => adapterOf(id, library)),
  }
}

function adapterOf(id: string, { adapters }: PlanServices['library']): ClusterContent {
  const adapter = adapters.get(id)
  if (!adapter || adapter.contentHash === null) {
    const message = adapter ? `${adapter.name} is still being checked.` : `There is no adapter ${id}.`
    throw new Refusal([errorProblem(adapter ? 'adapter-not-checked' : 'adapter-unknown', message, { where: { field: 'pool', value: id } })])
  }
  return { name: adapter.name, path: adapterPlace(adapter), contentHash: adapter.contentHash }
}

async function copyContents(
  found: FoundPlan,
  shared: SharedFolder,
  { copyAdapters, copyBase }: SplitOptions,
  { library }: Pick<PlanServices, 'library'>,
): Promise<FoundPlan> {
  const tasks: ClusterJob['task'][] = []
  for (const task of found.tasks) {
    const examples = {
      train: library.tasks.examples(task.id, 'train'),
      validation: library.tasks.examples(task.id, 'validation'),
      test: library.tasks.examples(task.id, 'test'),
    }
    tasks.push({ ...task, path: await writeTaskInto(shared, task, library.tasks.file(task.id), examples) })
  }
  const pool: ClusterContent[] = []
  for (const adapter of found.pool) pool.push(copyAdapters ? { ...adapter, path: await copyAdapterInto(shared, adapter) } : adapter)
  const base = copyBase ? { ...found.base, path: await copyBaseInto(shared, found.base) } : found.base
  return { ...found, tasks, pool, base }
}

/** Puts the test examples of a task down, as results are read with them where the task is not. */
async function listTask(
  { name, id, hash }: ClusterJob['task'],
  shared: SharedFolder,
  resolved: ResolvedPlan,
  services: PlanServices,
): Promise<ClusterPlan['tasks'][number]> {
  const examples = join('tasks', `${id}-${hash.slice(0, 12)}.questions.json`)
  const task = await planTask(resolved, name, services)
  await writeShared(join(shared.root, examples), task)
  return { name, id, hash, metric: task.metric, examples }
}

function taken({ root, plan }: SharedFolder, { file }: ClusterPlan): Problem {
  return errorProblem('shared-folder-taken', `${root} holds another plan, or another state of this one: "${file.title}".`, {
    where: { path: plan },
    hint: 'Plan, adapters, tasks and base model must be the same as when it was split. Choose another folder.',
  })
}
