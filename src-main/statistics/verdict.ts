import type * as v from 'valibot'
import { readDifference, type evidenceSchema, type readings, type verdictSchema } from '../contract/comparison.ts'
import { defaultMargin, type ArmRole } from '../contract/plan.ts'
import type { Interval } from './interval.ts'

/** How a paired difference reads. */
export type Reading = (typeof readings)[number]

/** Which differences the verdict stands on: [one, other]. */
export const comparisons = [
  ['merged', 'base'],
  ['mergedWithOwn', 'base'],
  ['mergedWithOwn', 'own'],
  ['mergedWithOwn', 'retuned'],
  ['mergedWithOwn', 'randomWithOwn'],
  ['merged', 'random'],
  ['merged', 'own'],
] as const satisfies readonly (readonly [ArmRole, ArmRole])[]

/** One difference with how it reads. */
export type Evidence = v.InferOutput<typeof evidenceSchema>
/** What the evidence supports (contract/comparison.ts). */
export type Verdict = v.InferOutput<typeof verdictSchema>

export { readDifference }

/**
 * The verdict from paired differences, higher being better: rule 6 first, then 1 to 4 where there is an own LoRA, else 5. `differenceOf` gives the
 * difference of the first arm minus the second, null where one is missing. Computed, never written by hand.
 */
export function judge(differenceOf: (arm: ArmRole, to: ArmRole) => Interval | null, margin: number = defaultMargin): Verdict {
  const evidence = comparisons.flatMap(([arm, to]): Evidence[] => {
    const difference = differenceOf(arm, to)
    return difference === null ? [] : [{ arm, to, difference, reading: readDifference(difference, margin) }]
  })
  const find = (arm: ArmRole, to: ArmRole): Evidence | null => evidence.find((entry) => entry.arm === arm && entry.to === to) ?? null
  const below = evidence.filter(({ to, reading }) => to === 'base' && reading === 'below')
  const harmful = below.map(({ arm }) => arm)
  const say = (
    outcome: Verdict['outcome'],
    rule: Verdict['rule'],
    decisive: Evidence | null,
    missing: readonly ArmRole[] = [],
  ): Verdict => ({
    ...{ outcome, rule, decisive, harmful, missing: [...missing], evidence },
  })
  if (below[0]) return say('harmful', 6, below[0])
  const toOwn = find('mergedWithOwn', 'own')
  if (toOwn === null) return judgeWithoutOwn(find, say)
  for (const step of steps) {
    const found = find('mergedWithOwn', step.to)
    if (found === null) return say('incomplete', null, null, [step.to])
    if (found.reading === 'undecided') return say('undecided', null, found)
    if (found.reading !== 'above') return say(step.otherwise, step.rule, found)
  }
  return say('recycling-helps', 4, find('mergedWithOwn', 'randomWithOwn'))
}

/** Rules 1 to 3: what it means when the merge is not above that arm. */
const steps = [
  { to: 'own', otherwise: 'train', rule: 1 },
  { to: 'retuned', otherwise: 'rescaling', rule: 2 },
  { to: 'randomWithOwn', otherwise: 'random-as-well', rule: 3 },
] as const

function judgeWithoutOwn(
  find: (arm: ArmRole, to: ArmRole) => Evidence | null,
  say: (outcome: Verdict['outcome'], rule: Verdict['rule'], decisive: Evidence | null, missing?: readonly ArmRole[]) => Verdict,
): Verdict {
  const toRandom = find('merged', 'random')
  if (toRandom === null) return say('incomplete', null, null, ['own', 'random'])
  if (toRandom.reading === 'undecided') return say('undecided', null, toRandom)
  return toRandom.reading === 'above' ? say('content-helps', 5, toRandom) : say('tuning-only', 5, toRandom)
}
