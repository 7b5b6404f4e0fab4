import { paperReference, type BudgetComparison } from '../../../src-main/contract/comparison.ts'
import type { PlanDetail } from '../../../src-main/contract/plan-run.ts'
import { measureOf, type ChartArm, type ChartTask, type Measure } from '../../charts/chart-arms.ts'
import { plural } from '../../format/words.ts'
import { armLabel } from '../../state/compare-results.ts'

/** The values of the study, and how they are marked everywhere. */
export const study = paperReference
export const studyWords = 'study, Llama 3.1 8B, 62 tasks'

/** What every chart of a plan is drawn with, at one budget and place. */
export interface PlanLook {
  readonly detail: PlanDetail
  readonly comparison: BudgetComparison
  /** Task that is looked at; null for the mean over all. */
  readonly place: string | null
  readonly arms: readonly ChartArm[]
  readonly tasks: readonly ChartTask[]
  readonly measure: Measure
  /** "Exact match, mean over 3 tasks, 100 labelled examples". */
  readonly what: string
  readonly intervalKind: string
  readonly pairedKind: string
}

/** The arms of a plan as charts need them. */
export function chartArms({ file }: Pick<PlanDetail, 'file'>): readonly ChartArm[] {
  return file.arms.map((arm) => ({
    id: arm.id,
    label: armLabel([arm], arm.id),
    role: arm.role,
    ...(arm.kind === 'control' && { control: true }),
  }))
}

/** Everything that the charts share. */
export function lookAt(detail: PlanDetail, comparison: BudgetComparison, place: string | null): PlanLook {
  const shown = place === null ? detail.tasksInfo : detail.tasksInfo.filter(({ task }) => task === place)
  const measure = measureOf(shown.map(({ metric }) => metric))
  const where = place === null ? `mean over ${plural(detail.tasksInfo.length, 'task')}` : (shown[0]?.title ?? place)
  const levels = place === null && detail.tasksInfo.length > 1 ? 'two-level ' : ''
  return {
    ...{ detail, comparison, place, measure },
    arms: chartArms(detail),
    tasks: detail.tasksInfo.map(({ task, title }) => ({ id: task, title })),
    what: `${measure.label}, ${where}, ${comparison.budget} labelled examples`,
    intervalKind: `95 % ${levels}bootstrap`,
    pairedKind: `95 % paired ${levels}bootstrap`,
  }
}
