import type { Dimension, Point } from './space.ts'

/** What an optimiser starts from. */
export interface SearchSetting {
  readonly space: readonly Dimension[]
  /** Unit coordinates of the candidate that is tried first; every optimiser leaves it to the caller to ask for it. */
  readonly start: Point
  readonly seed: number
  /** Points of one generation, 0 for what the optimiser recommends. */
  readonly population: number
  /** Points that it may ask for, the start not counted. */
  readonly trials: number
}

/** A running optimiser in unit coordinates. Points may lie outside the box, which mirrors them (space.ts): the function it sees has no bounds. */
export interface Optimiser {
  /** Points that are to be evaluated; the same ones until they are told. Empty when there is nothing more to try. */
  ask(): readonly Point[]
  /** Their values in the order asked, smaller is better, Infinity for one that could not be evaluated. `startValue` is that of the start. */
  tell(values: readonly number[], startValue: number): void
  /** Everything that the next points depend on besides the setting, as JSON values. */
  state(): unknown
}

/** Makes an optimiser, or makes it go on from a state of its own. Throws an Error for a state of another one. */
export type StartOptimiser = (setting: SearchSetting, saved?: unknown) => Optimiser

/** Places of values from the least to the largest; equal ones keep their order. */
export function orderOf(values: readonly number[]): readonly number[] {
  return values.map((_, index) => index).sort((left, right) => compared(values[left]!, values[right]!) || left - right)
}

function compared(left: number, right: number): number {
  return left === right ? 0 : left < right ? -1 : 1
}
