import type { Comparison, Estimate, Tally } from '../contract/comparison.ts'
import type { ArmRole } from '../contract/plan.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { detectableDifference } from '../statistics/detectable.ts'
import { holm } from '../statistics/holm.ts'
import { mcnemar } from '../statistics/mcnemar.ts'
import { comparisons as verdictPairs, judge, type Verdict } from '../statistics/verdict.ts'
import { measureArms, type ComparedArm, type Measured, type Measurements, type Pair, type Place } from './measure-arms.ts'

export type { ArmOnTask, ComparedArm } from './measure-arms.ts'

/** A verdict with what was measured of the difference that decided, or that could not be decided. */
export interface JudgedPlace {
  readonly task: string | null
  readonly verdict: Verdict
  readonly decisive: Measured | null
}

export interface ComparedPlan {
  readonly estimates: readonly Estimate[]
  readonly comparisons: readonly Comparison[]
  readonly tallies: readonly Tally[]
  /** On every task, then (task null) over all of them. */
  readonly verdicts: readonly JudgedPlace[]
  /** Every task, then the mean over several of them. */
  readonly places: readonly Place[]
  /** The pairs that are in it, and those asked for besides. */
  readonly measured: Measurements
  readonly problems: readonly Problem[]
}

/** Below so many test examples results are anecdotes. */
export const anecdotalBelow = 30

/**
 * Estimates, differences to `to` (an arm's id), tallies and verdicts of arms over tasks. Arms are compared on equal examples only: one whose ids differ
 * from those of `to` on a task is left out there, with a problem. Means over tasks are over those that every arm has; `withMean` false leaves them out.
 * `pairs` are measured besides.
 */
export function compareArms(
  arms: readonly ComparedArm[],
  to: string,
  margin: number,
  { pairs = [], withMean = true }: { readonly pairs?: readonly Pair[]; readonly withMean?: boolean } = {},
): ComparedPlan {
  const tasks = [...new Set(arms.flatMap((arm) => [...arm.tasks.keys()]))]
  const problems = tasks.flatMap((task) => checkExamples(arms, task, to))
  const usable = arms.map((arm) => ({ ...arm, tasks: new Map([...arm.tasks].filter(([task]) => isComparable(arms, arm, task, to))) }))
  const common = tasks.filter((task) => usable.every((arm) => arm.tasks.has(task)))
  const places: readonly Place[] = [
    ...tasks.map((task) => ({ task, over: [task] })),
    ...(withMean && common.length > 1 ? [{ task: null, over: common }] : []),
  ]
  const wanted: readonly Pair[] = [
    ...usable.flatMap(({ id }): Pair[] =>
      id === to
        ? [[id, null]]
        : [
            [id, null],
            [id, to],
          ],
    ),
    ...rolePairs(usable),
    ...pairs,
  ]
  const measured = measureArms(usable, places, wanted)
  const comparisons = places.flatMap((place) => adjust(usable.flatMap(({ id }) => compareTo(measured, id, to, place))))
  return {
    estimates: places.flatMap((place) => usable.flatMap(({ id }) => estimate(measured, id, place))),
    comparisons,
    tallies: usable.filter(({ id }) => id !== to).map(({ id }) => tally(id, to, comparisons)),
    verdicts: places.map((place) => judgeAt(usable, measured, place, margin)),
    ...{ places, measured, problems },
  }
}

function idOf(arms: readonly ComparedArm[], role: ArmRole): string | null {
  return arms.find((arm) => arm.role === role)?.id ?? null
}

function rolePairs(arms: readonly ComparedArm[]): readonly Pair[] {
  return verdictPairs.flatMap(([arm, to]): Pair[] => {
    const [here, there] = [idOf(arms, arm), idOf(arms, to)]
    return here === null || there === null ? [] : [[here, there]]
  })
}

function estimate(measured: Measurements, arm: string, place: Place): readonly Estimate[] {
  const found = measured(arm, null, place)
  return found ? [{ arm, task: place.task, interval: found.interval, examples: found.examples, seeds: found.seeds }] : []
}

function compareTo(measured: Measurements, arm: string, to: string, place: Place): readonly Comparison[] {
  const found = arm === to ? null : measured(arm, to, place)
  if (!found) return []
  const { interval, examples, disagreement, split } = found
  const detectable = detectableDifference(examples, Math.min(1, disagreement))
  return [{ arm, to, task: place.task, interval, pValue: split ? mcnemar(split.here, split.there) : null, adjusted: null, detectable }]
}

function adjust(comparisons: readonly Comparison[]): readonly Comparison[] {
  const known = comparisons.filter(({ pValue }) => pValue !== null)
  const adjusted = holm(known.map(({ pValue }) => pValue ?? 1))
  return comparisons.map((comparison) => ({ ...comparison, adjusted: adjusted[known.indexOf(comparison)] ?? null }))
}

function tally(arm: string, to: string, comparisons: readonly Comparison[]): Tally {
  const own = comparisons.filter((comparison) => comparison.arm === arm && comparison.task !== null)
  const wins = own.filter(({ interval }) => interval.low > 0).length
  const losses = own.filter(({ interval }) => interval.high < 0).length
  return { arm, to, wins, ties: own.length - wins - losses, losses }
}

function judgeAt(arms: readonly ComparedArm[], measured: Measurements, place: Place, margin: number): JudgedPlace {
  const find = (arm: ArmRole, to: ArmRole): Measured | null => {
    const [here, there] = [idOf(arms, arm), idOf(arms, to)]
    return here === null || there === null ? null : measured(here, there, place)
  }
  const verdict = judge((arm, to) => find(arm, to)?.interval ?? null, margin)
  return { task: place.task, verdict, decisive: verdict.decisive && find(verdict.decisive.arm, verdict.decisive.to) }
}

function isComparable(arms: readonly ComparedArm[], arm: ComparedArm, task: string, to: string): boolean {
  const wanted = (arms.find(({ id }) => id === to) ?? arms[0])?.tasks.get(task)?.exampleIds
  const ids = arm.tasks.get(task)?.exampleIds
  return wanted === undefined || sameIds(ids ?? [], wanted)
}

/** Whether two lists of example ids are the same, in the same order. */
export function sameIds(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((id, index) => id === right[index]))
}

function checkExamples(arms: readonly ComparedArm[], task: string, to: string): readonly Problem[] {
  const odd = arms.filter((arm) => arm.tasks.has(task) && !isComparable(arms, arm, task, to))
  const count = Math.max(...arms.map((arm) => arm.tasks.get(task)?.exampleIds.length ?? 0))
  return [
    ...odd.map(({ id }) => otherExamples(id, task, to)),
    ...(count < anecdotalBelow
      ? [
          warningProblem('task-small', `${task} has ${count} test examples: what it says is an anecdote.`, {
            where: { field: 'tasks', value: task },
            hint: `At least ${anecdotalBelow} are needed for an interval worth its name.`,
          }),
        ]
      : []),
  ]
}

/** Arms that answered other examples are not compared. */
export function otherExamples(arm: string, task: string, to: string): Problem {
  return errorProblem('examples-differ', `The arm ${arm} answered other examples of ${task} than ${to}: they cannot be compared.`, {
    where: { field: `arms.${arm}`, value: task },
    hint: 'Run the arm again; its examples are those of the plan then.',
  })
}
