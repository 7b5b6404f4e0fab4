import { metricOf } from '../contract/metrics.ts'
import type { PlanFile } from '../contract/plan.ts'
import type { PlanCell, PlanTask } from '../contract/plan-run.ts'
import type { Problem } from '../contract/problems.ts'
import type { CellValues } from '../library/plan-types.ts'
import { otherExamples, sameIds } from './compare-arms.ts'
import type { ComparedArm } from './measure-arms.ts'
import type { Unit } from './measure-words.ts'

export type Budget = number | 'all'
export type TaskFacts = Omit<PlanTask, 'examples'> & { readonly n: number }

/** Everything that comparisons are computed from; plain data, so that it can be given to a thread. */
export interface PlanOutcomes {
  readonly file: PlanFile
  readonly tasks: readonly TaskFacts[]
  readonly cells: readonly PlanCell[]
  readonly values: ReadonlyMap<string, CellValues>
}

/** The budgets of a plan as cells have them, in the order of the file. */
export function budgetsOf({ budgets }: PlanFile): readonly Budget[] {
  return budgets.map((budget) => budget ?? 'all')
}

/** Facts of a task; one whose task was not put down yet counts as a proportion, which most are. */
export function factsOf(tasks: readonly TaskFacts[], task: string): Pick<TaskFacts, 'title' | 'direction'> & { readonly unit: Unit } {
  const facts = tasks.find((entry) => entry.task === task)
  return { title: facts?.title ?? task, direction: facts?.direction ?? 'higher', unit: facts ? metricOf(facts.metric).unit : 'fraction' }
}

/** Cells of an arm that take part at a budget: the base model's have none and take part in all. */
export function cellsAt(cells: readonly PlanCell[], budget: Budget): readonly PlanCell[] {
  return cells.filter((cell) => cell.budget === null || cell.budget === budget)
}

/**
 * The arms of a plan at a budget with the values of their done cells, turned so that larger is better. Cells that answered other examples than the baseline
 * are left out, with a problem. Arms without any result are left out.
 */
export function comparedArms(
  { file, tasks, cells, values }: PlanOutcomes,
  budget: Budget,
  baseline: string,
): { readonly arms: readonly ComparedArm[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const found = new Map<string, Map<string, { readonly cell: PlanCell; readonly values: CellValues }[]>>()
  for (const cell of cellsAt(cells, budget)) {
    const given = values.get(cell.id)
    if (!given || given.values.length === 0) continue
    const byTask = found.get(cell.arm) ?? new Map<string, { readonly cell: PlanCell; readonly values: CellValues }[]>()
    found.set(cell.arm, byTask)
    byTask.set(cell.task, [...(byTask.get(cell.task) ?? []), { cell, values: given }])
  }
  const wanted = new Map<string, { readonly arm: string; readonly ids: readonly string[] }>()
  for (const arm of [baseline, ...found.keys()]) {
    for (const [task, results] of found.get(arm) ?? []) if (!wanted.has(task)) wanted.set(task, { arm, ids: results[0]!.values.exampleIds })
  }
  const arms = file.arms.flatMap(({ id, role }): ComparedArm[] => {
    const onTasks = [...(found.get(id) ?? [])].flatMap(([task, results]) => {
      const { arm: to, ids } = wanted.get(task)!
      const fitting = results.filter(({ values: given }) => sameIds(given.exampleIds, ids))
      if (fitting.length < results.length) problems.push(otherExamples(id, task, to))
      if (fitting.length === 0) return []
      const sign = factsOf(tasks, task).direction === 'lower' ? -1 : 1
      const seeds = fitting.map(({ cell }) => cell.seed)
      return [
        [
          task,
          {
            exampleIds: ids,
            bySeed: fitting.map(({ values: given }) => (sign === 1 ? given.values : given.values.map((value) => -value))),
            seeds: seeds.every((seed) => seed !== null) ? seeds : null,
          },
        ] as const,
      ]
    })
    return onTasks.length === 0 ? [] : [{ id, role, tasks: new Map(onTasks) }]
  })
  return { arms, problems }
}
