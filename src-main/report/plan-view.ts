import type { BudgetComparison, SpokenVerdict } from '../contract/comparison.ts'
import { metricOf } from '../contract/metrics.ts'
import type { Arm, ArmRole } from '../contract/plan.ts'
import type { Agreement } from '../contract/comparison.ts'
import type { PlanDetail, PlanOutcome } from '../contract/plan-run.ts'
import { shownBudget, type Unit } from './numbers.ts'

/** A task, a budget and a seed of the plan. */
export interface ReportPlace {
  readonly task: string
  readonly budget: BudgetComparison['budget']
  readonly seed: number
}

/** Which examples pairs of arms get right. */
export interface PlacedAgreement extends ReportPlace {
  readonly agreement: Agreement
}

/** Examples that one arm alone gets right: how many, and some of them. */
export interface PlacedExamples extends ReportPlace {
  readonly arms: readonly { readonly arm: string; readonly total: number; readonly rows: readonly PlanOutcome[] }[]
}

/** What merges are made of: adapters with their shares in the sum of the norms, null where that is not known. */
export interface PlacedContents extends ReportPlace {
  readonly merges: readonly {
    readonly arm: string
    readonly adapters: readonly { readonly name: string; readonly share: number | null }[]
  }[]
}

/** What a report is made from: nothing but the plan's results, so that it opens when adapters, tasks and base model are gone. */
export interface ReportInput {
  readonly detail: PlanDetail
  /** The next three are empty where outcomes and coefficients are not known. */
  readonly agreements: readonly PlacedAgreement[]
  readonly examples: readonly PlacedExamples[]
  readonly contents: readonly PlacedContents[]
}

/** Above so many tasks each has no drawing of its own; the heat map shows them together. */
export const mostSingleTasks = 6

/** An arm as people read it; its id where the plan does not know it (results of an edited plan). */
export function armLabel({ file }: PlanDetail, id: string): string {
  return file.arms.find((arm) => arm.id === id)?.label ?? id
}

/** The arm with this role. */
export function armWithRole({ file }: PlanDetail, role: ArmRole): Arm | undefined {
  return file.arms.find((arm) => arm.role === role)
}

/** What an arm is called in a sentence about roles: its label in this plan, or the role in words where the plan lacks it. */
export function roleLabel(detail: PlanDetail, role: ArmRole): string {
  const arm = armWithRole(detail, role)
  return arm ? (arm.label ?? arm.id) : roleWords[role]
}

/** Roles in words. */
export const roleWords: Readonly<Record<ArmRole, string>> = {
  base: 'Base model',
  own: 'Own LoRA',
  merged: 'Tuned merge without the own LoRA',
  mergedWithOwn: 'Tuned merge with the own LoRA',
  random: 'Random parameters without the own LoRA',
  randomWithOwn: 'Random parameters with the own LoRA',
  retuned: 'Own LoRA, only its coefficients tuned again',
}

/** A task's title; null is the mean over tasks. */
export function taskTitle(detail: PlanDetail, task: string | null): string {
  if (task === null) return 'Mean over tasks'
  return detail.tasksInfo.find((info) => info.task === task)?.title ?? task
}

/** Unit of a task's values, or of the mean over tasks: points where all of them are shares. */
export function unitOf({ tasksInfo }: PlanDetail, task: string | null): Unit {
  const asked = tasksInfo.filter((info) => task === null || info.task === task)
  return asked.every(({ metric }) => metricOf(metric).unit === 'fraction') ? 'points' : 'raw'
}

/** Whether more is better on a task; over several tasks it is one for all (plans/compare-plan.ts gives no mean otherwise). */
export function directionOf({ tasksInfo }: PlanDetail, task: string | null): 'higher' | 'lower' {
  const info = tasksInfo.find((entry) => task === null || entry.task === task)
  return info ? metricOf(info.metric).direction : 'higher'
}

/** The unit on axes and in captions. */
export function unitWords(unit: Unit): string {
  return unit === 'points' ? '% of test examples' : "the metric's own unit"
}

/** Comparisons from the smallest to the largest budget. */
export function byBudget({ comparisons }: PlanDetail): readonly BudgetComparison[] {
  const size = ({ budget }: BudgetComparison): number => (budget === 'all' ? Infinity : budget)
  return [...comparisons].sort((one, other) => size(one) - size(other))
}

/** What is said first: the verdict over all tasks, or on the only one, at the largest budget. */
export function mainVerdict(detail: PlanDetail): { readonly comparison: BudgetComparison; readonly verdict: SpokenVerdict } | null {
  const comparison = byBudget(detail).findLast(({ verdicts }) => verdicts.length > 0)
  const verdict = comparison && overall(comparison.verdicts)
  return comparison && verdict ? { comparison, verdict } : null
}

/** The entry over all tasks, or the first one where there is none. */
export function overall<T extends { readonly task: string | null }>(entries: readonly T[]): T | undefined {
  return entries.find(({ task }) => task === null) ?? entries[0]
}

/** Places at which there are values, tasks in the plan's order, the mean over them last. */
export function placesOf({ file }: PlanDetail, entries: readonly { readonly task: string | null }[]): readonly (string | null)[] {
  const known = new Set(entries.map(({ task }) => task))
  return [...file.tasks, null].filter((task) => known.has(task))
}

/** "Sentiment, 100 labelled examples". */
export function placeWords(detail: PlanDetail, task: string | null, budget: BudgetComparison['budget']): string {
  return `${taskTitle(detail, task)}, ${shownBudget(budget)}`
}

/** A part of an identifier: small letters, digits and "-". */
export function slugOf(text: string): string {
  const plain = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
  return plain === '' ? 'x' : plain
}
