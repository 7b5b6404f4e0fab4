import type { ParamValue } from '../contract/params.ts'

/** One thing that is searched: a number between bounds, a whole number between bounds (both inclusive), or one of some values. */
export type Dimension = DimensionFacts &
  (
    | { readonly kind: 'number' | 'integer'; readonly low: number; readonly high: number }
    | { readonly kind: 'choice'; readonly values: readonly ParamValue[] }
  )

interface DimensionFacts {
  readonly id: string
  /** How far the first candidates of CMA-ES go from the start, as a share of the range (a standard deviation); 0.3 when absent. */
  readonly step?: number
}

/** What is tried: a value for the id of every dimension. */
export type Candidate = Readonly<Record<string, ParamValue>>

/** A place in the box in unit coordinates: each dimension runs from 0 to 1. */
export type Point = readonly number[]

/** Different values that a dimension can take; Infinity for numbers whose bounds differ. */
export function sizeOf(dimension: Dimension): number {
  if (dimension.kind === 'choice') return dimension.values.length
  if (dimension.low === dimension.high) return 1
  return dimension.kind === 'integer' ? dimension.high - dimension.low + 1 : Infinity
}

/** The candidate at a point anywhere: the box goes on beyond its bounds as in a mirror, so that every point means one within them. */
export function candidateAt(space: readonly Dimension[], point: Point): Candidate {
  return Object.fromEntries(space.map((dimension, index) => [dimension.id, valueAt(dimension, mirrored(point[index]!))]))
}

/** The point of a candidate; of whole numbers and choices the middle of their share of the unit. */
export function pointOf(space: readonly Dimension[], candidate: Candidate): Point {
  return space.map((dimension) => {
    const value = candidate[dimension.id]
    if (dimension.kind === 'choice') return (dimension.values.indexOf(value!) + 0.5) / dimension.values.length
    const { kind, low, high } = dimension
    if (kind === 'integer') return (Number(value) - low + 0.5) / (high - low + 1)
    return low === high ? 0.5 : (Number(value) - low) / (high - low)
  })
}

/** RangeError for a space or a candidate that makes no sense: empty, bounds the wrong way round, a value outside of them. */
export function checkSpace(space: readonly Dimension[], candidate: Candidate): void {
  if (space.length === 0) throw new RangeError('there is nothing to search')
  if (new Set(space.map(({ id }) => id)).size < space.length) throw new RangeError('two dimensions have the same name')
  for (const dimension of space) {
    const value = candidate[dimension.id]
    const isInside =
      dimension.kind === 'choice'
        ? value !== undefined && dimension.values.includes(value)
        : typeof value === 'number' && value >= dimension.low && value <= dimension.high && sizeOf(dimension) >= 1
    const isWhole = dimension.kind !== 'integer' || [dimension.low, dimension.high, value].every(Number.isSafeInteger)
    if (!isInside || !isWhole) throw new RangeError(`${dimension.id} cannot start at ${String(value)}`)
  }
}

function valueAt(dimension: Dimension, unit: number): ParamValue {
  if (dimension.kind === 'choice') return dimension.values[placeOf(unit, dimension.values.length)]!
  const { kind, low, high } = dimension
  if (kind === 'integer') return low + placeOf(unit, high - low + 1)
  return Math.min(high, Math.max(low, low + unit * (high - low)))
}

function placeOf(unit: number, count: number): number {
  return Math.min(count - 1, Math.floor(unit * count))
}

/** A coordinate folded into 0 to 1: 1.2 is 0.8, -0.3 is 0.3. */
function mirrored(coordinate: number): number {
  const turn = coordinate - 2 * Math.floor(coordinate / 2)
  return turn <= 1 ? turn : 2 - turn
}
