import * as v from 'valibot'
import type { StartOptimiser } from './optimiser.ts'
import { sizeOf, type Dimension, type Point } from './space.ts'

/** Points asked for at once where nobody says otherwise. */
const recommended = 16

const stateSchema = v.object({ next: v.number() })

/** Every point of a grid with equal steps in every dimension, bounds included; the first dimension changes fastest. */
export const startGrid: StartOptimiser = ({ space, start, population, trials }, saved) => {
  const levels = levelsFor(space, trials)
  const total = levels.reduce((product, count) => product * count, 1)
  let { next } = saved === undefined ? { next: 0 } : v.parse(stateSchema, saved)
  const asked = (): readonly Point[] =>
    Array.from({ length: Math.min(population || recommended, total - next) }, (_, index) => pointAt(space, levels, start, next + index))
  return {
    ask: asked,
    tell: () => void (next += asked().length),
    state: () => ({ next }),
  }
}

/**
 * How many levels each dimension gets: as many as their product may have with `trials` points, raised one at a time in the order of the dimensions. One
 * that stays at a single level keeps its start.
 */
export function levelsFor(space: readonly Dimension[], trials: number): readonly number[] {
  const levels = space.map(() => 1)
  for (let raised = true; raised;) {
    raised = false
    space.forEach((dimension, index) => {
      const product = levels.reduce((all, count, place) => all * (place === index ? count + 1 : count), 1)
      if (levels[index]! >= sizeOf(dimension) || product > trials) return
      levels[index]! += 1
      raised = true
    })
  }
  return levels
}

function pointAt(space: readonly Dimension[], levels: readonly number[], start: Point, place: number): Point {
  let rest = place
  return space.map((dimension, index) => {
    const count = levels[index]!
    const level = rest % count
    rest = Math.floor(rest / count)
    if (count === 1) return start[index]!
    const size = sizeOf(dimension)
    const share = level / (count - 1)
    return size === Infinity ? share : (Math.round(share * (size - 1)) + 0.5) / size
  })
}
