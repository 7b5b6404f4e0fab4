import { metricOf } from '../contract/metrics.ts'
import type { PlanCell, PlanDetail } from '../contract/plan-run.ts'
import type { PlanStore, StoredPlan } from '../library/plan-types.ts'
import { detectableDifference } from '../statistics/detectable.ts'
import { costsOf } from './cost-gain.ts'
import type { ComparedNow, PlanComparer } from './plan-comparer.ts'
import type { TaskFacts } from './plan-outcomes.ts'
import { cellRemarks } from './plan-remarks.ts'
import { sweptCurves } from './swept-curves.ts'

/** What describing a plan needs. */
export interface PlanDescriber {
  readonly plans: PlanStore
  readonly comparer: PlanComparer
  readonly appVersion: string
  /** How far the plan that runs is; null for others, and where nothing runs. */
  readonly progressOf?: (planId: string) => PlanDetail['progress']
}

/** Share of examples on which two arms are taken to disagree where nothing is known. */
export const assumedDisagreement = 0.2

/** A plan with what is known now, compared with the arm `baseline` (null: the pinned one, or the base model's); null for an unknown plan. */
export function describePlan(describer: PlanDescriber, planId: string, baseline: string | null = null): PlanDetail | null {
  const compared = describer.comparer.latest(planId, baseline)
  return compared && detailOf(describer, planId, compared)
}

/** The same, once the results are compared as they are: for what is written down, such as reports. */
export async function describeComparedPlan(
  describer: PlanDescriber,
  planId: string,
  baseline: string | null = null,
): Promise<PlanDetail | null> {
  const compared = await describer.comparer.current(planId, baseline)
  return compared && detailOf(describer, planId, compared)
}

function detailOf({ plans, appVersion, progressOf }: PlanDescriber, planId: string, compared: ComparedNow): PlanDetail {
  // Read after the comparison, which may have given the plan its headline.
  const plan = plans.get(planId)!
  const cells = plans.cells(planId)
  const tasks = plans.taskFacts(planId)
  const countOf = (state: PlanCell['state']): number => cells.filter((cell) => cell.state === state).length
  const { file, id, state, createdAt, startedAt, endedAt, archived, baseName, headline, importedFrom } = plan
  return {
    ...{ id, state, createdAt, startedAt, endedAt, archived, baseName, headline, importedFrom, file, cells },
    ...{ title: file.title, preset: file.preset, tasks: [...file.tasks], baseline: plan.baseline },
    ...{ done: countOf('done'), failed: countOf('failed'), total: cells.length },
    tasksInfo: tasks.map(taskInfo),
    progress: progressOf?.(planId) ?? null,
    comparisons: [...compared.comparisons],
    curves: [...sweptCurves(file, compared.comparisons, cells)],
    ablations: plans.ablations(planId),
    costs: costsOf(cells),
    provenance: provenanceOf(plan, cells, tasks),
    problems: [...plan.problems, ...compared.problems, ...cellRemarks(cells, appVersion)],
  }
}

function taskInfo({ task, title, metric, n }: TaskFacts): PlanDetail['tasksInfo'][number] {
  const isShare = metricOf(metric).unit === 'fraction'
  return { task, title, metric, n, detectable: isShare && n > 0 ? detectableDifference(n, assumedDisagreement) : null }
}

/** What the plan says of itself, over what its cells and tasks tell. */
function provenanceOf({ file, provenance }: StoredPlan, cells: readonly PlanCell[], tasks: readonly TaskFacts[]): Record<string, string> {
  const known = (values: readonly (string | null | undefined)[]): string =>
    [...new Set(values.filter((value) => Boolean(value)))].join(', ')
  const derived = {
    seeds: file.seeds.join(', '),
    resultVersions: known(cells.map((cell) => cell.appVersion)),
    devices: known(cells.map(({ cost }) => cost?.device)),
    ...Object.fromEntries(tasks.map(({ task, hash }) => [`task ${task}`, hash])),
  }
  return { ...Object.fromEntries(Object.entries(derived).filter(([, value]) => value !== '')), ...provenance }
}
