import * as v from 'valibot'
import type { AdaptationDetail } from '../contract/adapt.ts'
import type { Job } from '../contract/job.ts'
import { errorProblem, Refusal, type Problem } from '../contract/problems.ts'
import { mergeResultSchema } from '../contract/recipe.ts'
import { resolveAdaptation } from '../jobs/adapt-resolve.ts'
import { startAdaptations } from '../jobs/adapt-start.ts'
import { costBeforeTest, nothingSpent } from './cell-cost.ts'
import { adapterOf, fingerprintOf, provenanceOf, taskOf } from './cell-facts.ts'
import { adaptInputOf, seedOf } from './cell-input.ts'
import { doneJob, followCellJob, stopIfAborted } from './follow-cell.ts'
import { mergeRecipe } from './merge-cell.ts'
import { nameOfCell } from './plan-adapters.ts'
import type { CellHooks, CellToRun, MadeCell, PlanServices } from './plan-services.ts'

export { measureCells, type MeasuredCell } from './measure-cells.ts'

/** The jobs of a cell: that of Adapt, and the one whose adapter it is (the merge, for a merge without tuning). */
interface CellJobs {
  readonly adapt: Job
  readonly last: Job
}

/**
 * Makes a cell's adapter through the queue: nothing for the base model, a job of Adapt for most, a selection and then a merge for a merge without tuning.
 * `known` is the job that made it earlier: where that is kept, its adapter is taken as it is. Throws a Refusal with what went wrong.
 */
export async function makeCell(toRun: CellToRun, services: PlanServices, hooks: CellHooks, known: string | null = null): Promise<MadeCell> {
  stopIfAborted(hooks.signal)
  if (toRun.cell.arm.kind === 'base') return madeOf(toRun, null, services)
  return madeOf(toRun, knownJobs(toRun, known, services) ?? (await runJobs(toRun, services, hooks)), services)
}

async function runJobs(toRun: CellToRun, services: PlanServices, hooks: CellHooks): Promise<CellJobs> {
  const adapt = await followCellJob(startAdapt(toRun, services), services, hooks)
  const { arm } = toRun.cell
  return { adapt, last: arm.kind === 'merge' ? await runMerge(toRun, arm, adapt, services, hooks) : adapt }
}

function startAdapt(toRun: CellToRun, { adapt, queue }: PlanServices): string {
  const input = adaptInputOf(toRun)
  if (!input) throw new Error('the base model needs no job')
  const { jobIds, problems } = startAdaptations({ input, seeds: [], sweep: {} }, adapt, queue)
  const [jobId] = jobIds
  if (jobId === undefined) throw new Refusal(problems)
  return jobId
}

async function runMerge(
  { cell }: CellToRun,
  arm: Extract<CellToRun['cell']['arm'], { kind: 'merge' }>,
  selection: Job,
  services: PlanServices,
  hooks: CellHooks,
): Promise<Job> {
  stopIfAborted(hooks.signal)
  const { library, queue } = services
  const chosen = detailOf(selection, services)
    .selection.flatMap(({ adapterId, place }) => (place === null ? [] : [{ adapterId, place }]))
    .sort((left, right) => left.place - right.place)
    .flatMap(({ adapterId }) => library.adapters.get(adapterId) ?? [])
  const recipe = mergeRecipe(arm, chosen, { name: nameOfCell(cell), seed: seedOf(cell) })
  const { jobId, problems } = queue.start('merge', { recipe })
  if (jobId === null) throw new Refusal(problems)
  return followCellJob(jobId, services, hooks)
}

/** The jobs that made the cell before, where all of what it depends on is as it was, and its adapter is there. */
function knownJobs(toRun: CellToRun, known: string | null, services: PlanServices): CellJobs | null {
  const { library, queue, adapt: adaptServices } = services
  const last = doneJob(known, services)
  if (!last || last.resultAdapterId === null || library.adapters.get(last.resultAdapterId)?.status !== 'ok') return null
  const name = nameOfCell(toRun.cell)
  const isMerge = toRun.cell.arm.kind === 'merge'
  const adapt = isMerge ? queue.list().findLast((job) => job.kind === 'select' && job.title === name && job.state === 'done') : last
  const input = adaptInputOf(toRun)
  const checked = input && resolveAdaptation(input, adaptServices).checked
  return adapt && checked && adapt.fingerprint === checked.fingerprint ? { adapt, last } : null
}

function detailOf({ id }: Job, { library }: Pick<PlanServices, 'library'>): AdaptationDetail {
  const detail = library.adaptations.get(id)
  if (!detail) throw new Error(`the adaptation ${id} is gone`)
  return detail
}

async function madeOf(toRun: CellToRun, jobs: CellJobs | null, services: PlanServices): Promise<MadeCell> {
  const { library, appVersion } = services
  const { plan, cell, ownId } = toRun
  const adapterId = jobs?.last.resultAdapterId ?? null
  const adapter = adapterOf(adapterId, library)
  if (jobs && !adapter) throw new Refusal([adapterGone(cell.id)])
  const detail = jobs ? library.adaptations.get(jobs.adapt.id) : null
  const { metric } = taskOf(plan, cell.task, library)
  const own = cell.needs.length > 0 && ownId !== null ? library.adapters.get(ownId)?.lineage?.jobId : undefined
  const ownDetail = own === undefined || own === null ? null : library.adaptations.get(own)
  const cost = await costBeforeTest(toRun, detail ? [detail] : [], ownDetail?.cost ?? nothingSpent, services)
  return {
    toRun,
    adapterId,
    jobId: jobs?.last.id ?? null,
    result: {
      ...{ version: 1, cell: cell.id, fingerprint: fingerprintOf(toRun, services), appVersion, adapter, metric },
      cost: { ...cost, test: nothingSpent },
      selection: detail?.selection ?? [],
      coefficients: detail?.coefficients ?? null,
      curve: detail?.curve ?? [],
      chosenStep: detail?.chosenStep ?? null,
      noValidation: detail?.noValidation ?? false,
      provenance: { ...provenanceOf(toRun, detail, services), ...(await formOf(detail, jobs, services)) },
      problems: distinct([...(jobs?.adapt.problems ?? []), ...(jobs?.last.problems ?? [])]),
    },
  }
}

/** Rank of what was written, and the share of the squared norm that it keeps: of a merge in its worst module. */
async function formOf(detail: AdaptationDetail | null, jobs: CellJobs | null, { queue }: PlanServices): Promise<Record<string, string>> {
  if (detail?.form) return { rank: String(detail.form.rank), keptEnergy: detail.form.keptEnergy.toPrecision(6) }
  const merged = jobs?.last.kind === 'merge' ? v.safeParse(mergeResultSchema, (await queue.get(jobs.last.id))?.result) : null
  if (!merged?.success) return {}
  const lost = Math.max(0, ...merged.output.modules.map(({ discardedEnergy }) => discardedEnergy ** 2))
  return { rank: String(merged.output.rank), keptEnergy: (1 - lost).toPrecision(6) }
}

/** Each once; that an equal adapter was there already is news of the library, not of the comparison. */
function distinct(problems: readonly Problem[]): Problem[] {
  const told = problems.filter(({ code }) => code !== 'duplicate')
  return [...new Map(told.map((problem) => [JSON.stringify(problem), problem])).values()]
}

function adapterGone(cell: string): Problem {
  return errorProblem('adapter-unknown', `The adapter of ${cell} is not in the library any more.`, {
    hint: 'Run this part of the plan again.',
  })
}
