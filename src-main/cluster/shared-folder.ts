import { mkdir, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import * as v from 'valibot'
import { clusterJobSchema, clusterPlanSchema, type ClusterJob, type ClusterPlan } from '../contract/cluster-job.ts'
import { cellResultSchema, type CellResult } from '../contract/plan-run.ts'
import { problemSchema } from '../contract/problem-schema.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { writeFileWhole } from '../platform/write-file.ts'

/** Where everything lies in the folder that the machines share. */
export interface SharedFolder {
  readonly root: string
  /** The plan and the list of its cells. */
  readonly plan: string
  job(number: number): string
  result(number: number): string
  /** Why the job gave no result the last time. */
  failure(number: number): string
  /** The adapter that a job made for others. */
  adapter(number: number): string
  /** What a job that was killed goes on from. */
  work(number: number): string
  readonly locks: string
  /** Outcomes of the pool on labelled examples, which jobs share. */
  scores(taskHash: string): string
  readonly tasks: string
  readonly adapters: string
  readonly base: string
  readonly logs: string
}

/** The places in `folder`, which need not be there yet. */
export function sharedFolder(folder: string): SharedFolder {
  const root = resolve(folder)
  return {
    root,
    plan: join(root, 'plan.json'),
    job: (number) => join(root, 'jobs', `${number}.json`),
    result: (number) => join(root, 'results', `${number}.json`),
    failure: (number) => join(root, 'results', `${number}.failed.json`),
    adapter: (number) => join(root, 'results', String(number), 'adapter'),
    work: (number) => join(root, 'work', String(number)),
    locks: join(root, 'locks'),
    scores: (taskHash) => join(root, 'scores', taskHash.slice(0, 24)),
    tasks: join(root, 'tasks'),
    adapters: join(root, 'adapters'),
    base: join(root, 'base'),
    logs: join(root, 'logs'),
  }
}

/** The shared folder that a job file lies in: FOLDER/jobs/NUMBER.json. */
export function sharedFolderOf(jobFile: string): SharedFolder {
  return sharedFolder(dirname(dirname(resolve(jobFile))))
}

/** A path of a job file as it is on this machine. */
export function placeIn({ root }: Pick<SharedFolder, 'root'>, path: string): string {
  return isAbsolute(path) ? path : join(root, path)
}

/** What a job that failed leaves. */
const failureSchema = v.object({ fingerprint: v.string(), at: v.string(), host: v.string(), problems: v.array(problemSchema) })
export type JobFailure = v.InferOutput<typeof failureSchema>

/** The job in a file. Throws a Refusal (job-file-not-readable). */
export async function readJob(file: string): Promise<ClusterJob> {
  const job = await readAs(file, clusterJobSchema)
  if (job === null)
    throw new Refusal([notReadable(file, 'it is not there', 'Split the plan first: "amalgam plan split PLAN --dir FOLDER".')])
  return job
}

/** The list of a shared folder; null where nothing was split into it yet. Throws a Refusal (job-file-not-readable). */
export function readSharedPlan({ plan }: Pick<SharedFolder, 'plan'>): Promise<ClusterPlan | null> {
  return readAs(plan, clusterPlanSchema)
}

/** The same, refused where there is none. */
export async function mustReadSharedPlan(shared: SharedFolder): Promise<ClusterPlan> {
  const plan = await readSharedPlan(shared)
  if (plan) return plan
  throw new Refusal([
    notReadable(shared.plan, 'it is not there', 'Split a plan into this folder first: "amalgam plan split PLAN --dir FOLDER".'),
  ])
}

/** The result of a job; null where there is none yet. Throws a Refusal (job-file-not-readable). */
export function readResult(shared: SharedFolder, number: number): Promise<CellResult | null> {
  return readAs(shared.result(number), cellResultSchema)
}

/** Why a job failed; null where it did not. Throws a Refusal (job-file-not-readable). */
export function readFailure(shared: SharedFolder, number: number): Promise<JobFailure | null> {
  return readAs(shared.failure(number), failureSchema)
}

/** Writes a value whole or not at all; its folder is made. True where the file had other contents. */
export async function writeShared(file: string, value: unknown): Promise<boolean> {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if ((await textOf(file)) === text) return false
  await mkdir(dirname(file), { recursive: true })
  await writeFileWhole(file, text)
  return true
}

/** A JSON file by its schema; null where it is not there. Throws a Refusal (job-file-not-readable). */
export async function readAs<T>(file: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> {
  const text = await textOf(file)
  if (text === null) return null
  try {
    return v.parse(schema, JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal([notReadable(file, 'it is not JSON')])
    if (!v.isValiError(error)) throw error
    const [issue] = error.issues
    throw new Refusal([notReadable(file, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`)])
  }
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === undefined) throw error
    throw new Refusal([notReadable(file, message)])
  }
}

function notReadable(path: string, reason: string, hint = 'Split the plan again: files that are as they should be stay.'): Problem {
  return errorProblem('job-file-not-readable', `${path} cannot be read: ${reason}.`, { where: { path }, hint })
}
