import { metricOf } from '../contract/metrics.ts'
import type { Ablation, CellResult, PlanCell } from '../contract/plan-run.ts'
import { errorProblem, Refusal, warningProblem, type Problem } from '../contract/problems.ts'
import type { EvaluateResult } from '../jobs/evaluate.ts'
import { pairedBootstrap } from '../statistics/paired.ts'
import { leaveEachOut, type LeftOut, type MergeToEvaluate } from './ablation-recipes.ts'
import { followCellJob } from './follow-cell.ts'
import { testInput } from './plan-tasks.ts'
import type { PlanServices, ResolvedPlan } from './plan-services.ts'
import { resolvePlan } from './resolve-plan.ts'

/** A cell whose merge is to be evaluated again without each of its adapters. */
export interface CellToAblate {
  readonly cell: PlanCell
  readonly plan: ResolvedPlan
  readonly result: CellResult
  readonly leftOut: LeftOut
}

/** Share of the test examples on which the merge from its recipe may differ from the adapter that was written, which is rounded once more. */
const mostDiffering = 0.01

/** Values that differ by less are the same: the metrics of answers are 0 and 1, and losses are rounded with the factors. */
const sameValue = 1e-3

/** Finds what a cell's merge was made of. Throws a Refusal where it cannot be taken apart, or its results are not there. */
export async function prepareAblation(planId: string, cellId: string, services: PlanServices): Promise<CellToAblate> {
  const { library } = services
  const stored = library.plans.get(planId)
  if (!stored) throw new Refusal([errorProblem('plan-unknown', `There is no plan ${planId}.`, { where: { value: planId } })])
  const cell = library.plans.cells(planId).find(({ id }) => id === cellId)
  if (!cell) throw new Refusal([errorProblem('cell-unknown', `The plan has no part ${cellId}.`, { where: { value: cellId } })])
  const result = library.plans.result(planId, cellId)
  if (!result) throw new Refusal([errorProblem('cell-unknown', `${cellId} has no results yet.`, { where: { value: cellId }, hint: 'Run it first.' })]) // prettier-ignore
  const adapter = cell.adapterId === null ? null : library.adapters.get(cell.adapterId)
  const { recipe = null, kind } = adapter?.lineage ?? {}
  if (!adapter || recipe === null || kind === 'trained') throw new Refusal([noMerge(cellId, adapter?.name ?? null)])
  const { base, tasks, problems } = await resolvePlan(stored.file, services)
  const task = tasks.get(cell.task)
  if (!base || !task) throw new Refusal(problems.filter(({ severity }) => severity === 'error'))
  const plan = { file: stored.file, baseId: base.id, taskIds: new Map([[cell.task, task.id]]), pool: [] }
  return { cell, plan, result, leftOut: leaveEachOut(adapter.name, recipe, library.adapters) }
}

/**
 * Which adapters mattered: one job answers the cell's test examples with the whole merge and without each of its adapters. The whole one must give what the
 * cell gave. Differences are improvements (above 0 is better, whatever the direction of the metric), paired over the examples. `started` hears of the job.
 * Throws a Refusal with what went wrong.
 */
export async function runAblation(
  { cell, plan, result, leftOut: { full, without } }: CellToAblate,
  services: PlanServices,
  signal: AbortSignal,
  started: (jobId: string) => void,
): Promise<Ablation> {
  const subjects = [full, ...without.map(({ merge }) => merge)].map(({ subject }) => subject)
  const begun = services.queue.start('evaluate', testInput(plan, cell.task, subjects))
  if (begun.jobId === null) throw new Refusal(begun.problems)
  const { jobId } = begun
  const job = await followCellJob(jobId, services, { signal, started, report: () => undefined })
  const done = (await services.queue.get(jobId))?.result as EvaluateResult
  const valuesOf = createReader(done, result, services)
  const whole = valuesOf(full)
  const sign = metricOf(result.metric).direction === 'lower' ? -1 : 1
  return {
    ...{ cell: cell.id, state: 'done', jobId, n: whole.length, full: mean(whole) },
    rows: without.map(({ adapterId, name, merge }) => {
      const values = valuesOf(merge)
      const differences = values.map((value, index) => sign * (value - whole[index]!))
      return { adapterId, name, value: mean(values), difference: pairedBootstrap(differences) }
    }),
    problems: [
      ...checkWhole(cell.id, whole, result.values),
      ...job.problems.map((problem): Problem => ({ ...problem, severity: 'warning' })),
    ],
  }
}

/** Reads what a merge answered, in the order of the cell's examples. */
function createReader(
  { runs }: EvaluateResult,
  { exampleIds }: CellResult,
  { library }: PlanServices,
): (merge: MergeToEvaluate) => readonly number[] {
  const byKey = new Map(runs.flatMap((id) => library.runs.get(id) ?? []).map((run) => [run.subject.key, run]))
  return ({ key, subject }) => {
    const run = byKey.get(key)
    const label = subject.kind === 'recipe' ? subject.name : key
    if (!run || run.done < run.n) throw new Refusal([errorProblem('cells-failed', `The test examples were not all answered by ${label}.`)])
    const { rows } = library.runs.outcomes({ runId: run.id, other: null, filter: 'all', text: '', offset: 0, limit: run.n })
    const values = new Map(rows.map(({ here }) => [here.exampleId, here.value ?? 0]))
    if (values.size !== exampleIds.length || exampleIds.some((id) => !values.has(id)))
      throw new Refusal([
        errorProblem('examples-differ', 'The task has other test examples than when this part of the plan was run.', {
          hint: 'Run this part of the plan again.',
        }),
      ])
    return exampleIds.map((id) => values.get(id)!)
  }
}

/** The merge made again from its recipe must be what was measured. A few answers may tip over in rounding, which is said; more are refused. */
function checkWhole(cell: string, whole: readonly number[], measured: readonly number[]): readonly Problem[] {
  const differing = whole.filter((value, index) => Math.abs(value - measured[index]!) > sameValue).length
  if (differing === 0) return []
  const message = `The merge made again from its recipe gives another value than ${cell} on ${differing} of ${whole.length} test examples`
  if (differing > mostDiffering * whole.length) throw new Refusal([errorProblem('check-failed', `${message}: its adapters cannot be told apart.`)]) // prettier-ignore
  return [warningProblem('check-failed', `${message}; differences are to the merge made again.`)]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function noMerge(cell: string, name: string | null): Problem {
  const message =
    name === null ? `${cell} has no adapter in this library.` : `${name} is not a merge of adapters: nothing can be left out of it.`
  return errorProblem('merge-not-separable', message, { where: { value: cell }, hint: 'Choose the part of a merge, tuned or not.' })
}
