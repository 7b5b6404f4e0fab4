import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterCell, ClusterPlan } from '../contract/cluster-job.ts'
import { planTaskSchema, type CellResult, type PlanState } from '../contract/plan-run.ts'
import { errorProblem, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import { hashOf } from '../jobs/evaluate-key.ts'
import { isAlive } from '../jobs/process-token.ts'
import type { PlanServices } from '../plans/plan-services.ts'
import { poolHashesKey } from '../plans/run-plan.ts'
import { isResultOf, withIds } from './portable-result.ts'
import { mustReadSharedPlan, readAs, readFailure, readResult, sharedFolder, type SharedFolder } from './shared-folder.ts'

/** What the shared folder had. */
export interface Collected {
  readonly planId: string
  readonly state: PlanState
  readonly total: number
  readonly done: number
  /** Cells without a result, and without a note of why. */
  readonly missing: readonly string[]
  readonly failed: readonly { readonly cell: string; readonly number: number; readonly problems: readonly Problem[] }[]
  /** Results that were not taken, and remarks. */
  readonly problems: readonly Problem[]
}

type CollectServices = Pick<PlanServices, 'library' | 'emitPlan' | 'now'>

/** Between the versions and devices of results that are not of one. */
const separator = '; '

/** A result that can be taken, or why not. */
type Found = { readonly result: CellResult } | { readonly problem: Problem } | null

/**
 * Brings the results of a shared folder into a plan of the library: made at the first time, brought up to date later. A result of another state of the plan,
 * or on other test examples than the other cells of its task, is not taken. Throws a Refusal (job-file-not-readable, plan-running).
 */
export async function collectResults(folder: string, { library, emitPlan, now }: CollectServices): Promise<Collected> {
  const shared = sharedFolder(folder)
  const plan = await mustReadSharedPlan(shared)
  const planId = plan.fingerprint.slice(0, 12)
  const { plans, adapters } = library
  const idOf = (contentHash: string): string | null => adapters.writes.withContent(contentHash)?.id ?? null
  const known = plans.get(planId)
  if (isAlive(known?.process ?? undefined)) throw new Refusal([isRunning(plan.file.title)])
  if (!known) await begin(planId, plan, shared, { library, now })
  const failed: Collected['failed'][number][] = []
  const missing: string[] = []
  const problems: Problem[] = []
  const examples = new Map<string, string>()
  const taken: CellResult[] = []
  for (const cell of plan.cells) {
    const found = await resultOf(cell, shared, examples)
    if (found && 'problem' in found) problems.push(found.problem)
    if (found && 'result' in found) {
      const result = placed(found.result, cell, shared)
      taken.push(result)
      const earlier = plans.result(planId, cell.cell)
      if (earlier?.finishedAt === result.finishedAt && earlier.fingerprint === result.fingerprint) continue
      const adapterId = result.adapter && idOf(result.adapter.contentHash)
      plans.setResult(planId, withIds(result, idOf), { adapterId, jobId: null })
      continue
    }
    const failure = await readFailure(shared, cell.number)
    if (failure?.fingerprint === cell.fingerprint) {
      failed.push({ cell: cell.cell, number: cell.number, problems: failure.problems })
      plans.patchCell(planId, cell.cell, { state: 'failed', problems: failure.problems })
    } else {
      missing.push(cell.cell)
      const isLeft = cell.needs.some((need) => failed.some((other) => other.cell === need))
      plans.patchCell(planId, cell.cell, { state: isLeft ? 'left' : 'waiting', problems: found ? [found.problem] : [] })
    }
  }
  const total = plan.cells.length
  const state = stateOf(total, taken.length, missing.length)
  const provenance = provenanceOf(plan, taken)
  plans.patch(planId, { state, endedAt: state === 'imported' ? null : now().toISOString(), provenance })
  emitPlan(planId)
  return { planId, state, total, done: taken.length, missing, failed, problems: [...problems, ...remarksOn(provenance)] }
}

/** done when all are; partial when the rest has failed; until then imported. */
function stateOf(total: number, done: number, missing: number): PlanState {
  if (done === total) return 'done'
  return missing === 0 ? 'partial' : 'imported'
}

async function begin(
  id: string,
  plan: ClusterPlan,
  shared: SharedFolder,
  { library, now }: Omit<CollectServices, 'emitPlan'>,
): Promise<void> {
  const at = now().toISOString()
  const tasks = await Promise.all(plan.tasks.map(({ examples }) => readAs(join(shared.root, examples), planTaskSchema)))
  library.plans.insert(
    {
      ...{ id, file: plan.file, state: 'imported', baseName: plan.base.name, createdAt: at, startedAt: null, endedAt: null },
      ...{ archived: false, baseline: null, headline: null, process: null, provenance: {}, problems: [] },
      importedFrom: { appVersion: plan.appVersion, at },
    },
    plan.cells.map(({ cell, arm, task, budget, seed, needs }) => ({ id: cell, arm, task, budget, seed, needs })),
  )
  for (const task of tasks) if (task) library.plans.setTask(id, task)
}

async function resultOf(cell: ClusterCell, shared: SharedFolder, examples: Map<string, string>): Promise<Found> {
  let result: CellResult | null
  try {
    result = await readResult(shared, cell.number)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { problem: error.problems[0]! }
  }
  if (result === null) return null
  const path = shared.result(cell.number)
  if (!isResultOf(result, cell)) return { problem: notFitting(cell, path, 'it is of another state of the plan') }
  if (new Set(result.exampleIds).size < result.exampleIds.length || result.values.length !== result.exampleIds.length)
    return { problem: notFitting(cell, path, 'it has not one value for each test example') }
  const ids = JSON.stringify(result.exampleIds)
  const expected = examples.get(cell.task) ?? ids
  examples.set(cell.task, expected)
  if (ids !== expected) return { problem: otherExamples(cell, path) }
  return { result }
}

/** The adapter where the shared folder keeps it. */
function placed(result: CellResult, { number }: ClusterCell, shared: SharedFolder): CellResult {
  const path = shared.adapter(number)
  return result.adapter && existsSync(path) ? { ...result, adapter: { ...result.adapter, path } } : result
}

/** As plans that are run here have it, so that this one can be gone on with here. */
function provenanceOf({ file, base, pool, tasks }: ClusterPlan, results: readonly CellResult[]): Readonly<Record<string, string>> {
  const listed = (values: readonly string[]): string => [...new Set(values)].sort().join(separator)
  return {
    appVersion: listed(results.map(({ appVersion }) => appVersion)),
    nativeBuild: listed(results.flatMap(({ provenance }) => provenance['nativeBuild'] ?? [])),
    device: listed(results.map(({ cost }) => cost.device)),
    ...{ baseName: base.name, baseHash: base.contentHash },
    pool: `${pool.length} adapters, ${hashOf(pool)}`,
    ...Object.fromEntries(tasks.map(({ name, hash }) => [`task ${name}`, hash])),
    seeds: file.seeds.join(', '),
    [poolHashesKey]: JSON.stringify(pool),
  }
}

/** Results of unlike versions or devices can be compared, and it is said. */
function remarksOn({ appVersion = '', device = '' }: Readonly<Record<string, string>>): readonly Problem[] {
  return [
    ...(appVersion.includes(separator) ? [unlike(`of several versions of the app: ${appVersion}`)] : []),
    ...(device.includes(separator) ? [unlike(`of several devices: ${device}`)] : []),
  ]
}

function unlike(what: string): Problem {
  return warningProblem('result-not-fitting', `The results are ${what}. Small differences may come from that.`, {
    hint: 'Run all cells with one version on one kind of device for numbers that can be repeated.',
  })
}

function isRunning(title: string): Problem {
  return errorProblem('plan-running', `"${title}" is being gone on with in this library.`, {
    hint: 'Stop it there first, or wait for its end.',
  })
}

function otherExamples({ cell, number }: ClusterCell, path: string): Problem {
  return errorProblem(
    'examples-differ',
    `The result of ${cell} is not taken: its test examples are not those of the other cells of its task.`,
    {
      where: { path, value: cell },
      hint: `Remove the file and run job ${number} again.`,
    },
  )
}

function notFitting({ cell, number }: ClusterCell, path: string, why: string): Problem {
  return errorProblem('result-not-fitting', `The result of ${cell} is not taken: ${why}.`, {
    where: { path, value: cell },
    hint: `Remove the file and run job ${number} again.`,
  })
}
