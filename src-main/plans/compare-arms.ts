import type { Comparison, Estimate, Tally } from '../contract/comparison.ts'
import type { ArmRole } from '../contract/plan.ts'
import { errorProblem, warningProblem, type Problem } from '../contract/problems.ts'
import { detectableDifference } from '../statistics/detectable.ts'
import { holm } from '../statistics/holm.ts'
import { mcnemar } from '../statistics/mcnemar.ts'
import { twoLevelBootstrap } from '../statistics/two-level.ts'
import { judge, type Verdict } from '../statistics/verdict.ts'

/** What one arm gave on the test examples of one task: a value for each example and seed, larger being better. */
export interface ArmOnTask {
  /** Ids of the examples, in one order for all seeds. */
  readonly exampleIds: readonly string[]
  /** For each seed one value per example. An arm without a seed of its own (the base model) has one, which is paired with every seed of others. */
  readonly bySeed: readonly (readonly number[])[]
}

/** An arm with what it gave, by task. */
export interface ComparedArm {
  readonly id: string
  readonly role: ArmRole | null
  readonly tasks: ReadonlyMap<string, ArmOnTask>
}

export interface ComparedPlan {
  readonly estimates: readonly Estimate[]
  readonly comparisons: readonly Comparison[]
  readonly tallies: readonly Tally[]
  /** On every task, then (task null) over all of them. */
  readonly verdicts: readonly { readonly task: string | null; readonly verdict: Verdict }[]
  readonly problems: readonly Problem[]
}

/** Below so many test examples results are anecdotes. */
export const anecdotalBelow = 30

/**
 * Estimates, differences to `to` (an arm's id), tallies and verdicts of arms over tasks. Arms are compared on equal examples only: one whose ids differ
 * from those of `to` on a task is left out there, with a problem. Means over tasks are over those that every arm has.
 */
export function compareArms(arms: readonly ComparedArm[], to: string, margin: number): ComparedPlan {
  const tasks = [...new Set(arms.flatMap((arm) => [...arm.tasks.keys()]))]
  const problems = tasks.flatMap((task) => checkExamples(arms, task, to))
  const usable = arms.map((arm) => ({ ...arm, tasks: new Map([...arm.tasks].filter(([task]) => isComparable(arms, arm, task, to))) }))
  const common = tasks.filter((task) => usable.every((arm) => arm.tasks.has(task)))
  const places: readonly (readonly [string | null, readonly string[]])[] = [
    ...tasks.map((task) => [task, [task]] as const),
    ...(common.length > 1 ? [[null, common] as const] : []),
  ]
  const comparisons = places.flatMap(([task, over]) => adjust(usable.flatMap((arm) => compareTo(usable, arm, to, task, over))))
  return {
    estimates: places.flatMap(([task, over]) => usable.flatMap((arm) => estimate(arm, task, over))),
    comparisons,
    tallies: usable.filter(({ id }) => id !== to).map(({ id }) => tally(id, to, comparisons)),
    verdicts: places.map(([task, over]) => ({ task, verdict: verdictOf(usable, over, margin) })),
    problems,
  }
}

function estimate(arm: ComparedArm, task: string | null, over: readonly string[]): readonly Estimate[] {
  const found = over.flatMap((name) => arm.tasks.get(name) ?? [])
  if (found.length < over.length || found.length === 0) return []
  return [
    {
      arm: arm.id,
      task,
      interval: twoLevelBootstrap(found.map(({ bySeed }) => bySeed)),
      examples: found.reduce((sum, { exampleIds }) => sum + exampleIds.length, 0),
      seeds: Math.max(...found.map(({ bySeed }) => bySeed.length)),
    },
  ]
}

/** Differences of two arms on a task, seed by seed; an arm with one seed is paired with every one of the other. */
function differencesOn(arm: ArmOnTask, to: ArmOnTask): readonly (readonly number[])[] {
  const seeds = Math.max(arm.bySeed.length, to.bySeed.length)
  return Array.from({ length: seeds }, (_, seed) => {
    const here = arm.bySeed[arm.bySeed.length === 1 ? 0 : seed] ?? []
    const there = to.bySeed[to.bySeed.length === 1 ? 0 : seed] ?? []
    return here.map((value, index) => value - there[index]!)
  }).filter((differences) => differences.length > 0)
}

function differenceOver(arm: ComparedArm | undefined, to: ComparedArm | undefined, over: readonly string[]) {
  const found = over.flatMap((task) => {
    const [here, there] = [arm?.tasks.get(task), to?.tasks.get(task)]
    return here && there ? [differencesOn(here, there)] : []
  })
  return found.length === over.length && found.length > 0 ? found : null
}

function compareTo(
  arms: readonly ComparedArm[],
  arm: ComparedArm,
  to: string,
  task: string | null,
  over: readonly string[],
): readonly Comparison[] {
  const found =
    arm.id === to
      ? null
      : differenceOver(
          arm,
          arms.find(({ id }) => id === to),
          over,
        )
  if (!found) return []
  const all = found.flat(2)
  const disagreement = all.reduce((sum, difference) => sum + difference ** 2, 0) / all.length
  const examples = found.reduce((sum, seeds) => sum + (seeds[0]?.length ?? 0), 0)
  const isProportion = found.length === 1 && found[0]?.length === 1 && all.every((difference) => [-1, 0, 1].includes(difference))
  return [
    {
      arm: arm.id,
      to,
      task,
      interval: twoLevelBootstrap(found),
      pValue: isProportion ? mcnemar(all.filter((value) => value === 1).length, all.filter((value) => value === -1).length) : null,
      adjusted: null,
      detectable: detectableDifference(examples, Math.min(1, disagreement)),
    },
  ]
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

function verdictOf(arms: readonly ComparedArm[], over: readonly string[], margin: number): Verdict {
  const withRole = (role: ArmRole) => arms.find((arm) => arm.role === role)
  return judge((arm, to) => {
    const found = differenceOver(withRole(arm), withRole(to), over)
    return found ? twoLevelBootstrap(found) : null
  }, margin)
}

function isComparable(arms: readonly ComparedArm[], arm: ComparedArm, task: string, to: string): boolean {
  const wanted = (arms.find(({ id }) => id === to) ?? arms[0])?.tasks.get(task)?.exampleIds
  const ids = arm.tasks.get(task)?.exampleIds
  return wanted === undefined || (ids?.length === wanted.length && ids.every((id, index) => id === wanted[index]))
}

function checkExamples(arms: readonly ComparedArm[], task: string, to: string): readonly Problem[] {
  const odd = arms.filter((arm) => arm.tasks.has(task) && !isComparable(arms, arm, task, to))
  const count = Math.max(...arms.map((arm) => arm.tasks.get(task)?.exampleIds.length ?? 0))
  return [
    ...odd.map(({ id }) =>
      errorProblem('parameter-invalid', `The arm ${id} answered other examples of ${task} than ${to}: they cannot be compared.`, {
        where: { field: `arms.${id}`, value: task },
        hint: 'Run the arm again; its examples are those of the plan then.',
      }),
    ),
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
