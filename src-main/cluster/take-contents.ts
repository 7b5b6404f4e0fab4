import { stat } from 'node:fs/promises'
import type { ClusterContent, ClusterJob } from '../contract/cluster-job.ts'
import { errorProblem, hasError, Refusal, type Problem } from '../contract/problems.ts'
import type { BaseKeeper } from '../library/base-keeper.ts'
import type { Importer } from '../library/importer.ts'
import type { PlanServices, ResolvedPlan } from '../plans/plan-services.ts'
import { planOfJob } from './describe-jobs.ts'
import { placeIn, type SharedFolder } from './shared-folder.ts'

/** What a library takes contents in with. */
export interface JobServices {
  readonly plans: PlanServices
  readonly importer: Pick<Importer, 'start' | 'finished'>
  readonly bases: Pick<BaseKeeper, 'add' | 'settled'>
}

/** Takes base model, task and pool of a job into an empty library. What is not what the job names is refused (content-differs), as is what is not there. */
export async function takeContents(job: ClusterJob, shared: SharedFolder, services: JobServices): Promise<ResolvedPlan> {
  const baseId = await takeBase({ ...job.base, path: placeIn(shared, job.base.path) }, services)
  const taskId = await takeTask({ ...job.task, path: placeIn(shared, job.task.path) }, services)
  const pool = job.pool.map((adapter) => ({ ...adapter, path: placeIn(shared, adapter.path) }))
  const ids = await takeAdapters(pool, services)
  await services.plans.library.bases.readShapes()
  return { file: planOfJob(job), baseId, taskIds: new Map([[job.task.name, taskId]]), pool: ids }
}

/** Takes adapters into the library under the names they had; ids in the order given. Throws a Refusal. */
export async function takeAdapters(
  contents: readonly ClusterContent[],
  { importer, plans: { library } }: Pick<JobServices, 'importer' | 'plans'>,
): Promise<readonly string[]> {
  if (contents.length === 0) return []
  for (const { name, path } of contents) await mustBeThere(path, `the adapter ${name}`)
  const { id, problems } = importer.start(contents.map(({ path }) => path))
  if (id === null) throw new Refusal(problems)
  const { items } = await importer.finished(id)
  const refused = items.filter(({ status }) => status === 'refused').flatMap((item) => item.problems)
  if (refused.length > 0) throw new Refusal(refused)
  return contents.map(({ name, path, contentHash }) => {
    const found = library.adapters.find(path)
    if ('code' in found) throw new Refusal([found])
    const adapter = library.adapters.get(found.id)
    if (adapter?.contentHash !== contentHash) throw new Refusal([differs(`The adapter ${name}`, path, contentHash, adapter?.contentHash)])
    if (adapter.name !== name) library.adapters.setName(found.id, name)
    return found.id
  })
}

async function takeBase({ name, path, contentHash }: ClusterContent, { bases, plans: { library } }: JobServices): Promise<string> {
  await mustBeThere(path, `the base model ${name}`)
  const added = await bases.add(path)
  if (added.id === null || hasError(added.problems)) throw new Refusal(added.problems)
  const id = await bases.settled(added.id)
  const found = library.bases.get(id)?.contentHash
  if (found !== contentHash) throw new Refusal([differs(`The base model ${name}`, path, contentHash, found)])
  return id
}

async function takeTask({ name, id, path, hash }: ClusterJob['task'], { plans: { library } }: JobServices): Promise<string> {
  await mustBeThere(path, `the task ${name}`)
  const { problems } = await library.tasks.add(path)
  const found = library.tasks.get(id)
  if (!found && hasError(problems)) throw new Refusal(problems)
  if (found?.hash !== hash) throw new Refusal([differs(`The task ${name}`, path, hash, found?.hash)])
  return id
}

async function mustBeThere(path: string, what: string): Promise<void> {
  try {
    await stat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refusal([
      errorProblem('file-missing', `This machine does not see ${what} at ${path} (${code ?? 'unknown error'}).`, {
        where: { path },
        hint: 'Put it on the shared disk under the same path, or split with --copy and --copy-base.',
      }),
    ])
  }
}

function differs(what: string, path: string, expected: string, found: string | null | undefined): Problem {
  return errorProblem('content-differs', `${what} at ${path} is not the one that the plan was split with.`, {
    where: { path, value: found ?? 'unknown' },
    allowed: [expected],
    hint: 'Put the files back as they were, or split the plan again into another folder.',
  })
}
