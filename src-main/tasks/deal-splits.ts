import { splits, type Example } from '../contract/task.ts'
import type { ExamplesBySplit } from './check-examples.ts'
import { questionKey, sha256 } from './example-ids.ts'

/** How many rows go where; what is left over after train and validation is for testing, at most `test` of it. */
export interface SplitSizes {
  readonly train: number
  readonly validation: number
  /** null: all the rest. */
  readonly test: number | null
}

/**
 * Examples in an order that depends on nothing but the seed and their inputs: neither on the order of rows nor on what else there is. Equal inputs
 * stand together.
 */
export function seededOrder(examples: readonly Example[], seed: number): readonly Example[] {
  return examples
    .map((example) => ({ example, key: sha256(`${seed}:${questionKey(example)}`) }))
    .sort((left, right) => compare(left.key, right.key) || compare(left.example.id, right.example.id))
    .map(({ example }) => example)
}

/**
 * Deals examples out by seed. Examples with the same inputs are never parted, so that a split may get some more than asked for; no two splits share
 * an input.
 */
export function dealSplits(examples: readonly Example[], seed: number, sizes: SplitSizes): ExamplesBySplit {
  const dealt: Record<(typeof splits)[number], Example[]> = { train: [], validation: [], test: [] }
  const room = { train: sizes.train, validation: sizes.validation, test: sizes.test ?? Infinity }
  for (const group of groupsOf(seededOrder(examples, seed))) {
    const split = splits.find((name) => dealt[name].length < room[name])
    if (split === undefined) break
    dealt[split].push(...group)
  }
  return dealt
}

function groupsOf(ordered: readonly Example[]): readonly (readonly Example[])[] {
  const groups = new Map<string, Example[]>()
  for (const example of ordered) {
    const key = questionKey(example)
    const group = groups.get(key)
    if (group) group.push(example)
    else groups.set(key, [example])
  }
  return [...groups.values()]
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
