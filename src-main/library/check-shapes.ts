import { warningProblem, type Problem } from '../contract/problems.ts'
import type { FactorPair } from './pair-factors.ts'

/** Modules that read the hidden state, and modules that write it back: their sides are the hidden size of the base model. */
const readers = new Set(['q_proj', 'k_proj', 'v_proj', 'gate_proj', 'up_proj'])
const writers = new Set(['o_proj', 'down_proj'])

interface Side {
  readonly pair: FactorPair
  readonly size: number
  readonly side: 'in' | 'out'
}

/**
 * A warning when modules that share the hidden size of one base model disagree about it, within a layer or between layers; null otherwise.
 * Stacks (the path before the layer's number) are compared with themselves only: a vision tower has a hidden size of its own.
 */
export function checkShapes(pairs: readonly FactorPair[]): Problem | null {
  const stacks = new Map<string, Side[]>()
  for (const pair of pairs) {
    const { layer, stack, moduleKind } = pair
    const side = readers.has(moduleKind) ? 'in' : writers.has(moduleKind) ? 'out' : null
    if (layer === null || side === null) continue
    const sides = stacks.get(stack)
    if (sides) sides.push({ pair, size: pair[side], side })
    else stacks.set(stack, [{ pair, size: pair[side], side }])
  }
  for (const sides of stacks.values()) {
    const common = mostCommon(sides.map((side) => side.size))
    const odd = sides.filter((side) => side.size !== common)
    const [first] = odd
    if (first) return inconsistent(first, odd.length, sides.length, common)
  }
  return null
}

function inconsistent({ pair, size, side }: Side, odd: number, all: number, common: number): Problem {
  const verb = side === 'in' ? 'reads' : 'writes'
  const message = `${pair.module} ${verb} ${size} values where most modules use the hidden size ${common} (${odd} of ${all} modules disagree).`
  return warningProblem('shapes-inconsistent', message, {
    where: { tensor: side === 'in' ? pair.tensorA : pair.tensorB, value: String(size) },
    hint: 'No base model has both sizes, so the adapter was put together from different ones. It will not load on either; look for another copy.',
  })
}

function mostCommon(sizes: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1)
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0]
}
