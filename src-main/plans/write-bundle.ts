import { createHash } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import type { PlanFile } from '../contract/plan.ts'
import type { CellResult } from '../contract/plan-run.ts'
import type { PlanStore, StoredPlan } from '../library/plan-types.ts'
import { bundleVersion, nameOf, type BundleRecord, type Manifest } from './bundle.ts'
import { withoutPlaces } from './without-places.ts'
import { writeZip } from './bundle-zip-writer.ts'

/** What writing a bundle needs of the rest of the app. */
export interface WriteBundleOptions {
  readonly plans: PlanStore
  readonly appVersion: string
  readonly now: () => Date
  /** Paths of this machine that may stand in texts, such as the library's folder; no path is written in any case. */
  readonly places: readonly string[]
}

/**
 * Writes a plan with what it gave so far as a new zip file at `path`: results, test examples and answers, no weights and no paths of this machine.
 * Throws Refusals: plan-unknown, output-exists, file-too-large.
 */
export async function writeBundle(planId: string, path: string, { plans, appVersion, now, places }: WriteBundleOptions): Promise<void> {
  const plan = planOf(planId, plans)
  const writtenAt = now()
  const files: Manifest['files'] = []
  await writeZip(path, writtenAt, async (zip) => {
    const add = async (name: string, value: unknown): Promise<void> => {
      const data = Buffer.from(JSON.stringify(value))
      files.push({ name, sizeBytes: data.length, sha256: createHash('sha256').update(data).digest('hex') })
      await zip.add(name, data)
    }
    await add('plan.json', sharedFile(plan.file))
    await add('record.json', withoutPlaces(recordOf(plan, plans), placesIn(plan.problems, places)))
    for (const [place, { task }] of plans.taskFacts(planId).entries()) await add(nameOf('tasks', place), plans.task(planId, task))
    const done = plans.cells(planId).filter(({ state }) => state === 'done')
    for (const [place, { id }] of done.entries()) {
      const result = plans.result(planId, id)
      if (result) await add(nameOf('cells', place), sharedResult(result, places))
    }
    // Last, because it knows the hashes of all others.
    const manifest: Manifest = { format: 'amalgam-plan', version: bundleVersion, appVersion, writtenAt: writtenAt.toISOString(), files }
    await zip.add('manifest.json', Buffer.from(JSON.stringify(manifest)))
  })
}

/** Writes the bundle into `folder` under a name from the plan's title and the day, and answers with its path. Throws as `writeBundle` does. */
export async function writeBundleInto(planId: string, folder: string, options: WriteBundleOptions): Promise<string> {
  const { file } = planOf(planId, options.plans)
  const stem = `${slug(file.title)}-${options.now().toISOString().slice(0, 10)}`
  for (let number = 1; ; number += 1) {
    const path = join(folder, number === 1 ? `${stem}.zip` : `${stem}-${number}.zip`)
    try {
      await writeBundle(planId, path, options)
      return path
    } catch (error) {
      if (!(error instanceof Refusal) || error.problems[0]?.code !== 'output-exists') throw error
    }
  }
}

function planOf(id: string, plans: PlanStore): StoredPlan {
  const plan = plans.get(id)
  if (plan) return plan
  throw new Refusal([
    errorProblem('plan-unknown', `There is no plan with the id "${id.slice(0, 100)}".`, {
      where: { field: 'planId', value: id.slice(0, 100) },
      hint: 'It may have been removed. Look at the list of runs again.',
    }),
  ])
}

/** The plan as it can be run elsewhere: base model and adapters by name, also where they were given by path. */
function sharedFile(file: PlanFile): PlanFile {
  const named = (reference: string): string =>
    isAbsolute(reference) ? (reference.split(/[\\/]/).findLast(Boolean) ?? reference) : reference
  return { ...file, base: named(file.base), pool: file.pool.map(named) }
}

function recordOf(
  { id, baseName, createdAt, startedAt, endedAt, baseline, provenance, problems }: StoredPlan,
  plans: PlanStore,
): BundleRecord {
  const open = plans.cells(id).filter(({ state }) => state !== 'done')
  return {
    ...{ baseName, createdAt, startedAt, endedAt, baseline, provenance: { ...provenance }, problems: [...problems] },
    open: open.map((cell) => ({
      cell: cell.id,
      state: cell.state === 'failed' || cell.state === 'left' ? cell.state : 'waiting',
      problems: [...cell.problems],
    })),
    ablations: plans
      .ablations(id)
      .filter(({ state }) => state === 'done')
      .map((ablation) => ({ ...ablation, jobId: null, rows: ablation.rows.map((row) => ({ ...row, adapterId: null })) })),
  }
}

/** Answers and values as they are; everything that is said about how they came to be without places. */
function sharedResult(result: CellResult, places: readonly string[]): CellResult {
  const { adapter, cost, selection, provenance, problems, ...others } = result
  return {
    ...others,
    adapter: adapter === null ? null : { ...adapter, path: null },
    ...withoutPlaces({ cost, selection, provenance, problems }, placesIn(problems, places)),
  }
}

function placesIn(problems: readonly Problem[], places: readonly string[]): readonly string[] {
  return [...places, ...problems.flatMap(({ where }) => (where?.path !== undefined && isAbsolute(where.path) ? [where.path] : []))]
}

function slug(title: string): string {
  const text = title.normalize('NFKD').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '').slice(0, 60) // prettier-ignore
  return text === '' ? 'plan' : text
}
