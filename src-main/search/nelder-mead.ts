import * as v from 'valibot'
import { orderOf, type StartOptimiser } from './optimiser.ts'
import type { Point } from './space.ts'

/** Edge of the first simplex as a share of the range. */
const firstEdge = 0.25
/** A simplex smaller than this, in units of the range, has ended. */
const leastEdge = 1e-9
const reflection = 1
const expansion = 2
const contraction = 0.5
const shrinking = 0.5

const vertexSchema = v.object({ point: v.array(v.number()), value: v.nullable(v.number()) })
const stateSchema = v.object({
  /** What is asked: the vertices beside the start, the four points of an iteration, or the shrunk vertices. */
  phase: v.picklist(['begin', 'step', 'shrink']),
  /** The simplex, best vertex first; a value that is not finite is null. */
  vertices: v.array(vertexSchema),
})
type State = v.InferOutput<typeof stateSchema>
type Vertex = v.InferOutput<typeof vertexSchema>

/**
 * Nelder and Mead 1965 with its own coefficients (1, 2, 1/2, 1/2). An iteration asks for reflection, expansion and both contractions at once and then
 * uses those that the rule wants, which costs more trials and fewer rounds; the vertices of a shrinking are asked for together. Bounds by reflection: it
 * runs without bounds on the mirrored function. The population has no meaning here.
 */
export const startNelderMead: StartOptimiser = ({ start }, saved) => {
  let state: State = saved === undefined ? { phase: 'begin', vertices: [] } : v.parse(stateSchema, saved)

  function asked(): readonly Point[] {
    const [best, ...others] = state.vertices
    if (state.phase === 'begin' || !best) return firstVertices(start)
    if (state.phase === 'shrink') return others.map(({ point }) => between(best.point, point, shrinking))
    return edgeOf(state.vertices) < leastEdge ? [] : stepsOf(state.vertices)
  }

  return {
    ask: asked,
    tell(values, startValue) {
      const points = asked()
      const told = points.map((point, index): Vertex => ({ point: [...point], value: finite(values[index]!) }))
      if (state.phase === 'begin') state = stepFrom([{ point: [...start], value: finite(startValue) }, ...told])
      else if (state.phase === 'shrink') state = stepFrom([state.vertices[0]!, ...told])
      else state = afterStep(state.vertices, told)
    },
    state: () => state,
  }
}

/** One vertex for each dimension, towards the farther bound. */
function firstVertices(start: Point): readonly Point[] {
  return start.map((at, axis) => start.map((value, index) => (index === axis ? value + (at <= 0.5 ? firstEdge : -firstEdge) : value)))
}

/** Reflection, expansion, outer and inner contraction of the worst vertex at the centre of the others. */
function stepsOf(vertices: readonly Vertex[]): readonly Point[] {
  const worst = vertices.at(-1)!.point
  const others = vertices.slice(0, -1)
  const centre = worst.map((_, index) => others.reduce((sum, { point }) => sum + point[index]!, 0) / others.length)
  return [reflection, expansion, reflection * contraction, -contraction].map((factor) => between(centre, worst, -factor))
}

/** from + share * (to - from) */
function between(from: Point, to: Point, share: number): Point {
  return from.map((value, index) => value + share * (to[index]! - value))
}

function afterStep(vertices: readonly Vertex[], [reflected, expanded, outer, inner]: readonly Vertex[]): State {
  const [best, secondWorst, worst] = [vertices[0]!, vertices.at(-2)!, vertices.at(-1)!].map(worth) as [number, number, number]
  const kept = vertices.slice(0, -1)
  const height = worth(reflected!)
  if (height < best) return stepFrom([...kept, worth(expanded!) < height ? expanded! : reflected!])
  if (height < secondWorst) return stepFrom([...kept, reflected!])
  if (height < worst && worth(outer!) <= height) return stepFrom([...kept, outer!])
  if (height >= worst && worth(inner!) < worst) return stepFrom([...kept, inner!])
  return { phase: 'shrink', vertices: [...vertices] }
}

function stepFrom(vertices: readonly Vertex[]): State {
  return { phase: 'step', vertices: orderOf(vertices.map(worth)).map((place) => vertices[place]!) }
}

/** Longest distance of a vertex to the best one, along any dimension. */
function edgeOf([best, ...others]: readonly Vertex[]): number {
  return Math.max(...others.flatMap(({ point }) => point.map((value, index) => Math.abs(value - best!.point[index]!))))
}

function worth({ value }: Vertex): number {
  return value ?? Infinity
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
