import type { BudgetComparison } from '../contract/comparison.ts'
import type { PlanFile } from '../contract/plan.ts'
import { warningProblem, type Problem } from '../contract/problems.ts'
import type { Interval } from '../statistics/interval.ts'
import { anecdotalBelow, compareArms, type ComparedPlan } from './compare-arms.ts'
import { costGainOf, gainPairs } from './cost-gain.ts'
import type { ComparedArm, Place } from './measure-arms.ts'
import { budgetsOf, cellsAt, comparedArms, factsOf, type Budget, type PlanOutcomes } from './plan-outcomes.ts'
import { stairPairs, stairsAt } from './stairs.ts'
import { speakVerdict } from './verdict-words.ts'

/** Comparisons of a plan at each budget that has results, and what kept them from being complete. */
export interface PlanComparison {
  readonly comparisons: readonly BudgetComparison[]
  readonly problems: readonly Problem[]
}

/** Grows when the same results would be compared otherwise than before, so that what is kept is computed anew. */
export const comparisonVersion = 1

/** The arm that differences are to: the asked one, the pinned one, the base model's, or the first. Arms that are not in the plan are passed over. */
export function baselineOf({ arms }: PlanFile, ...wished: readonly (string | null)[]): string {
  const known = wished.find((wish) => arms.some(({ id }) => id === wish))
  return known ?? arms.find(({ role }) => role === 'base')?.id ?? arms[0]!.id
}

/** Everything that comparisons depend on besides the plan's file, which never changes. */
export function comparisonKey(revision: number, baseline: string): string {
  return `${comparisonVersion}/${revision}/${baseline}`
}

/** Compares the arms of a plan at each budget. Differences are improvements: above 0 is better, whatever the direction of the metric. */
export function comparePlan(outcomes: PlanOutcomes, baseline: string): PlanComparison {
  const found = budgetsOf(outcomes.file).map((budget) => compareAt(outcomes, budget, baseline))
  const problems = new Map(found.flatMap(({ problems: own }) => own.map((problem) => [JSON.stringify(problem), problem])))
  return { comparisons: found.flatMap(({ comparison }) => comparison ?? []), problems: [...problems.values()] }
}

function compareAt(outcomes: PlanOutcomes, budget: Budget, baseline: string) {
  const { file, tasks, cells } = outcomes
  const { arms, problems } = comparedArms(outcomes, budget, baseline)
  if (arms.length === 0) return { comparison: null, problems }
  const named = [...new Set(arms.flatMap((arm) => [...arm.tasks.keys()]))]
  const units = new Set(named.map((task) => factsOf(tasks, task).unit))
  const base = arms.find(({ role }) => role === 'base')?.id ?? null
  const gains = gainPairs(
    arms.map(({ id }) => id),
    base,
  )
  const compared = compareArms(arms, baseline, file.margin, { pairs: [...stairPairs(arms), ...gains], withMean: units.size === 1 })
  const turned = (interval: Interval, place: Place): Interval =>
    factsOf(tasks, place.over[0]!).direction === 'lower' ? { value: -interval.value, low: -interval.high, high: -interval.low } : interval
  const placeOf = (task: string | null): Place => compared.places.find((place) => place.task === task)!
  const widest = compared.places.at(-1)!
  const comparison: BudgetComparison = {
    ...{ budget, baseline },
    estimates: compared.estimates.map((estimate) => ({ ...estimate, interval: turned(estimate.interval, placeOf(estimate.task)) })),
    comparisons: [...compared.comparisons],
    tallies: [...compared.tallies],
    verdicts: compared.verdicts.map((judged) =>
      speakVerdict({
        ...judged,
        ...wordsAt(outcomes, budget, arms, compared, placeOf(judged.task), turned),
        isPlanned: (role) => file.arms.some((arm) => arm.role === role),
        margin: file.margin,
      }),
    ),
    stairs: compared.places.map((place) => {
      const stairs = stairsAt(arms, compared.measured, place)
      return { ...stairs, steps: stairs.steps.map((step) => ({ ...step, value: turnedValue(step.value, turned, place) })) }
    }),
    costGain: widest.task === null || compared.places.length === 1 ? [...costGainOf(cells, budget, gains, compared.measured, widest)] : [],
  }
  return { comparison, problems: [...problems, ...compared.problems, ...meanProblems(arms, named, units.size, compared)] }
}

type Turn = (interval: Interval, place: Place) => Interval

function turnedValue(value: number, turned: Turn, place: Place): number {
  return turned({ value, low: value, high: value }, place).value
}

/** What the words of a verdict take from its place. */
function wordsAt(
  { tasks, cells }: PlanOutcomes,
  budget: Budget,
  arms: readonly ComparedArm[],
  { measured }: ComparedPlan,
  place: Place,
  turned: Turn,
): Pick<Parameters<typeof speakVerdict>[0], 'valueAt' | 'unit' | 'labelled' | 'smallTasks'> {
  const labelled = new Set(
    place.over.map((task) =>
      Math.max(
        0,
        ...cellsAt(cells, budget).flatMap((cell) => (cell.task === task && cell.budget !== null && cell.cost ? [cell.cost.examples] : [])),
      ),
    ),
  )
  const examplesOn = (task: string): number => Math.max(0, ...arms.map((arm) => arm.tasks.get(task)?.exampleIds.length ?? 0))
  const [only] = labelled
  return {
    valueAt(role) {
      const arm = arms.find((entry) => entry.role === role)
      const found = arm && measured(arm.id, null, place)
      return found ? turnedValue(found.interval.value, turned, place) : null
    },
    unit: factsOf(tasks, place.over[0]!).unit,
    labelled: labelled.size === 1 && only ? only : null,
    smallTasks: place.over.filter((task) => examplesOn(task) < anecdotalBelow).length,
  }
}

/** Why there is no mean over the tasks, or which tasks it leaves out. */
function meanProblems(arms: readonly ComparedArm[], tasks: readonly string[], units: number, { places }: ComparedPlan): readonly Problem[] {
  if (tasks.length < 2) return []
  if (units > 1) {
    return [
      warningProblem('units-differ', 'The tasks are measured in different units, so there is no mean over them.', {
        where: { field: 'tasks' },
        hint: 'Read the tasks one by one, or make a plan of those with metrics of one unit.',
      }),
    ]
  }
  const over = places.find(({ task }) => task === null)?.over ?? []
  const out = tasks.filter((task) => !over.includes(task))
  if (out.length === 0) return []
  const lacking = arms.filter((arm) => out.some((task) => !arm.tasks.has(task))).map(({ id }) => id)
  return [
    warningProblem(
      'results-missing',
      `Means over tasks leave out ${out.length} of ${tasks.length}: not every arm has results there (${lacking.join(', ')}).`,
      { where: { field: 'tasks', value: out.slice(0, 20).join(', ') } },
    ),
  ]
}

/** The verdict that stands for the whole plan: at the largest budget, over all tasks where there is a mean, else on the one task; null where there is neither. */
export function headlineOf(comparisons: readonly BudgetComparison[]): string | null {
  const size = (budget: Budget): number => (budget === 'all' ? Infinity : budget)
  const largest = comparisons.toSorted((left, right) => size(right.budget) - size(left.budget))[0]
  const verdicts = largest?.verdicts ?? []
  const chosen = verdicts.find(({ task }) => task === null) ?? (verdicts.length === 1 ? verdicts[0] : undefined)
  return chosen?.headline ?? null
}
