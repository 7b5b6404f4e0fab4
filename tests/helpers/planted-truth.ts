import type { ArmRole } from '../../src-main/contract/plan.ts'
import { compareArms } from '../../src-main/plans/compare-arms.ts'
import { pairedBootstrap } from '../../src-main/statistics/paired.ts'
import { createRandom, type Random } from '../../src-main/statistics/random.ts'
import { judge, type Verdict } from '../../src-main/statistics/verdict.ts'

/** True shares of right answers of the verdict's arms. */
export type Truth = Readonly<Record<ArmRole, number>>

const nothing: Truth = { base: 0.47, own: 0.66, merged: 0.65, mergedWithOwn: 0.66, random: 0.65, randomWithOwn: 0.66, retuned: 0.66 }

/** Worlds in which recycled content does nothing, and one in which it does much. */
export const truths = {
  'recycling does nothing': nothing,
  'only rescaling does something': { ...nothing, mergedWithOwn: 0.76, retuned: 0.76, randomWithOwn: 0.76 },
  'random adapters do as well': { ...nothing, mergedWithOwn: 0.76, randomWithOwn: 0.76 },
  'recycled content adds 14 points': { ...nothing, mergedWithOwn: 0.8 },
} as const satisfies Readonly<Record<string, Truth>>

type Outcomes = ReadonlyMap<ArmRole, readonly number[]>
/** How a simulated plan is judged. */
export type Judging = (outcomes: Outcomes) => Verdict['outcome']

/** As the product does: arms compared from raw outcomes (plans/compare-arms.ts). */
export const wholePath: Judging = (outcomes) => {
  const exampleIds = [...(outcomes.get('base') ?? [])].map((_, index) => String(index))
  const arms = [...outcomes].map(([role, values]) => ({
    id: role,
    role,
    tasks: new Map([['task', { exampleIds, bySeed: [values] }]]),
  }))
  return compareArms(arms, 'base', 0.02).verdicts[0]!.verdict.outcome
}

/** By the paired bootstrap of one task and seed alone, which is much faster and has the same intervals but for the draws. */
export const pairedOnly: Judging = (outcomes) =>
  judge((arm, to) => {
    const [here, there] = [outcomes.get(arm)!, outcomes.get(to)!]
    return pairedBootstrap(here.map((value, index) => value - there[index]!))
  }).outcome

/** How often each verdict is given in so many simulated plans of one task with n test examples. */
export function verdictsUnder(truth: Truth, plans: number, n: number, judging: Judging): ReadonlyMap<Verdict['outcome'], number> {
  const random = createRandom(2026)
  const counts = new Map<Verdict['outcome'], number>()
  for (let plan = 0; plan < plans; plan++) {
    const outcome = judging(drawOutcomes(random, truth, n))
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  }
  return counts
}

/** Outcomes of n examples in every arm: a common difficulty makes them paired, as they are on real tests. */
function drawOutcomes(random: Random, truth: Truth, n: number): Outcomes {
  const arms = Object.keys(truth) as ArmRole[]
  const outcomes = new Map(arms.map((arm) => [arm, [] as number[]]))
  for (let example = 0; example < n; example++) {
    const difficulty = random.uniform()
    for (const arm of arms) {
      const own = random.uniform() < 0.25 ? random.uniform() : difficulty
      outcomes.get(arm)?.push(own < truth[arm] ? 1 : 0)
    }
  }
  return outcomes
}
