import { createHash, randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { errorProblem, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { PlanFile } from '../contract/plan.ts'
import type { CellResult, PlanTask } from '../contract/plan-run.ts'
import type { PlanStore } from '../library/plan-types.ts'
import {
  allowedName,
  bundleCellSchema,
  bundleLimits,
  bundlePlanSchema,
  bundleTaskSchema,
  bundleVersion,
  manifestHeadSchema,
  manifestSchema,
  recordSchema,
  type Manifest,
} from './bundle.ts'
import { damaged, notOurs, withZip, type ZipFile } from './bundle-zip-reader.ts'
import { expandPlan } from './expand-plan.ts'

/** What reading a bundle needs of the rest of the app. */
export interface ReadBundleOptions {
  readonly plans: PlanStore
  readonly appVersion: string
}

/** The plan that a bundle became. */
export interface ReadBundle {
  readonly planId: string
  /** Remarks: results of another version. */
  readonly problems: readonly Problem[]
}

/**
 * Reads the bundle at `path` into a new plan of the state "imported". Version, sizes, hashes and every field are checked; nothing is kept of a file that
 * fails. Throws Refusals: bundle-not-readable, bundle-damaged, bundle-newer, file-too-large.
 */
export function readBundle(path: string, { plans, appVersion }: ReadBundleOptions): Promise<ReadBundle> {
  return withZip(path, { allowedName, limits: bundleLimits }, async (zip) => {
    const manifest = await readManifest(zip, path)
    const parts = createParts(zip, manifest, path)
    const file = await parts.read('plan.json', bundlePlanSchema)
    if (manifest.files.length > bundleLimits.entries || cellsAtMost(file) > bundleLimits.entries) throw tooMany(path)
    const cells = expandPlan(file)
    const record = await parts.read('record.json', recordSchema)
    const planId = randomBytes(6).toString('hex')
    const { baseName, createdAt, startedAt, endedAt, baseline, provenance, problems } = record
    plans.insert(
      {
        ...{ id: planId, file, state: 'imported', baseName, createdAt, startedAt, endedAt, provenance },
        ...{ archived: false, headline: null, process: null },
        baseline: file.arms.some(({ id }) => id === baseline) ? baseline : null,
        importedFrom: { appVersion: manifest.appVersion, at: manifest.writtenAt },
        // Stands if the app ends meanwhile; taken away at the end.
        problems: [unfinished(path), ...problems],
      },
      cells.map(({ arm, needs, ...cell }) => ({ ...cell, arm: arm.id, needs: [...needs] })),
    )
    try {
      const tasks = await readTasks(parts, file, path)
      for (const task of tasks.values()) plans.setTask(planId, task)
      const open = new Map(cells.map(({ id, task }) => [id, tasks.get(task)]))
      for (const name of parts.names('cells')) {
        const result = await parts.read(name, bundleCellSchema)
        if (!open.has(result.cell)) throw damaged(path, `${name} is no cell of the plan, or comes twice`)
        checkResult(result, open.get(result.cell), path)
        open.delete(result.cell)
        plans.setResult(planId, { ...result, adapter: result.adapter && { ...result.adapter, path: null } })
      }
      for (const { cell, state, problems: reasons } of record.open) {
        if (!open.has(cell)) throw damaged(path, `record.json calls ${cell} open, which it is not`)
        plans.patchCell(planId, cell, { state, problems: reasons })
      }
      for (const ablation of record.ablations) {
        if (open.has(ablation.cell) || !cells.some(({ id }) => id === ablation.cell)) throw damaged(path, 'an ablation has no cell')
        plans.setAblation(planId, { ...ablation, state: 'done', jobId: null })
      }
      plans.patch(planId, { problems })
    } catch (error) {
      plans.remove([planId])
      throw error
    }
    return { planId, problems: manifest.appVersion === appVersion ? [] : [otherVersion(manifest.appVersion, appVersion)] }
  })
}

/** Parts of a bundle, each checked against the manifest and its schema. */
interface Parts {
  /** In order. */
  names(folder: 'tasks' | 'cells'): readonly string[]
  read<Schema extends v.GenericSchema>(name: string, schema: Schema): Promise<v.InferOutput<Schema>>
}

async function readManifest(zip: ZipFile, path: string): Promise<Manifest> {
  if (!zip.names.includes('manifest.json')) throw notOurs(path, 'it has no manifest.json')
  const value = jsonOf(await zip.read('manifest.json'), 'manifest.json', path)
  const head = v.safeParse(manifestHeadSchema, value)
  if (!head.success) throw notOurs(path, 'its manifest.json is of another kind')
  if (head.output.version > bundleVersion) throw newer(head.output, path)
  return checked(value, manifestSchema, 'manifest.json', path)
}

function createParts(zip: ZipFile, manifest: Manifest, path: string): Parts {
  const files = new Map(manifest.files.map((file) => [file.name, file]))
  for (const name of zip.names) if (name !== 'manifest.json' && !files.has(name)) throw damaged(path, `its manifest does not know ${name}`)
  for (const name of files.keys()) if (!zip.names.includes(name)) throw damaged(path, `${name} is missing`)
  return {
    names: (folder) => zip.names.filter((name) => name.startsWith(`${folder}/`)).toSorted(),
    async read(name, schema) {
      const known = files.get(name)
      if (!known) throw damaged(path, `${name} is missing`)
      const data = await zip.read(name)
      if (createHash('sha256').update(data).digest('hex') !== known.sha256) throw damaged(path, `${name} is not what was exported`)
      return checked(jsonOf(data, name, path), schema, name, path)
    },
  }
}

function jsonOf(data: Buffer, name: string, path: string): unknown {
  try {
    return JSON.parse(data.toString('utf8')) as unknown
  } catch {
    throw damaged(path, `${name} is not JSON`)
  }
}

function checked<Schema extends v.GenericSchema>(value: unknown, schema: Schema, name: string, path: string): v.InferOutput<Schema> {
  const read = v.safeParse(schema, value)
  if (!read.success) {
    const [issue] = read.issues
    throw damaged(path, `${name}: ${v.getDotPath(issue) ?? 'its content'} is not valid: ${issue.message}`)
  }
  // 1e999 is read as infinite, which cannot be kept as JSON.
  if (!isFinite(read.output)) throw damaged(path, `${name} holds a number that is not finite`)
  return read.output
}

function isFinite(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(isFinite)
}

async function readTasks(parts: Parts, file: PlanFile, path: string): Promise<ReadonlyMap<string, PlanTask>> {
  const tasks = new Map<string, PlanTask>()
  for (const name of parts.names('tasks')) {
    const task = await parts.read(name, bundleTaskSchema)
    if (!file.tasks.includes(task.task) || tasks.has(task.task)) throw damaged(path, `${name} is no task of the plan, or comes twice`)
    tasks.set(task.task, task)
  }
  return tasks
}

/** A result speaks of examples of its task, once each, and has a value and an answer for every one. */
function checkResult({ cell, metric, exampleIds, values, predictions }: CellResult, task: PlanTask | undefined, path: string): void {
  if (!task) throw damaged(path, `the task of ${cell} is missing`)
  const known = new Set(task.examples.map(({ id }) => id))
  if (metric !== task.metric) throw damaged(path, `${cell} was measured by another metric than its task`)
  if (values.length !== exampleIds.length || predictions.length !== exampleIds.length)
    throw damaged(path, `${cell} has not one value and one answer for each example`)
  if (new Set(exampleIds).size !== exampleIds.length || !exampleIds.every((id) => known.has(id)))
    throw damaged(path, `${cell} speaks of examples that its task does not have, or twice of one`)
}

/** Before the plan is expanded: a small file can stand for very many cells. */
function cellsAtMost({ tasks, budgets, seeds, arms }: PlanFile): number {
  return tasks.length * budgets.length * seeds.length * arms.length
}

function tooMany(path: string): Refusal {
  return new Refusal([
    errorProblem('file-too-large', 'The plan has more cells than can be imported.', {
      where: { path },
      allowed: [`at most ${bundleLimits.entries} cells`],
    }),
  ])
}

function newer({ version, appVersion }: v.InferOutput<typeof manifestHeadSchema>, path: string): Refusal {
  return new Refusal([
    errorProblem('bundle-newer', `The file has version ${version}; this Amalgam reads up to ${bundleVersion}.`, {
      where: { path, value: String(version) },
      hint: `Open it with Amalgam ${appVersion} or newer.`,
    }),
  ])
}

function otherVersion(theirs: string, ours: string): Problem {
  return warningProblem('versions-differ', `These results come from Amalgam ${theirs}; this is ${ours}.`, {
    hint: 'They are shown as they are. Compare them with results of this version only with care.',
  })
}

function unfinished(path: string): Problem {
  return warningProblem('bundle-damaged', 'The import ended before all results were read.', {
    where: { path },
    hint: 'Remove this plan and import the file again.',
  })
}
