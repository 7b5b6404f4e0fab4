import type { BudgetComparison } from '../contract/comparison.ts'
import type { ArmRole } from '../contract/plan.ts'
import type { ComparedArm, Measurements, Pair, Place } from './measure-arms.ts'

type Stairs = BudgetComparison['stairs'][number]

/** From the base model to the best, as recycling-loras.md 5.2 reads its table. */
export const stairRoles: readonly ArmRole[] = ['base', 'random', 'merged', 'own', 'randomWithOwn', 'mergedWithOwn']

/** Differences that the stairs need: of each step to the one before, or to all before where an arm lacks a task, on which its step is left out. */
export function stairPairs(arms: readonly ComparedArm[]): readonly Pair[] {
  const steps = stepsIn(arms)
  const isWhole = new Set(arms.filter(({ id }) => steps.includes(id)).map(({ tasks }) => [...tasks.keys()].toSorted().join('\n'))).size <= 1
  return steps.flatMap((arm, place) => steps.slice(isWhole ? Math.max(0, place - 1) : 0, place).map((from): Pair => [arm, from]))
}

/** The steps of arms that were measured at a place, each with its paired difference to the one before. */
export function stairsAt(arms: readonly ComparedArm[], measured: Measurements, place: Place): Stairs {
  const present = stepsIn(arms).flatMap((arm) => {
    const found = measured(arm, null, place)
    return found ? [{ arm, value: found.interval.value }] : []
  })
  return {
    task: place.task,
    steps: present.map(({ arm, value }, index) => {
      const from = present[index - 1]?.arm ?? null
      return { arm, value, from, added: from === null ? null : (measured(arm, from, place)?.interval ?? null) }
    }),
  }
}

function stepsIn(arms: readonly ComparedArm[]): readonly string[] {
  return stairRoles.flatMap((role) => arms.find((arm) => arm.role === role)?.id ?? [])
}
