import type { CurvePoint } from '../contract/adapt.ts'
import type { LearnLine } from '../engine/learn-journal.ts'

/** Points of one kind that are kept: a chart has no more pixels, and the library no need of more. */
const mostPoints = 2000

/** The curves of a learning job as far as they are known. */
export interface LearnCurve {
  add(lines: readonly LearnLine[]): void
  /** In the order of the journal; every second, fourth... step where there are many. */
  readonly points: CurvePoint[]
  /** Steps done. */
  readonly step: number
  /** The validation loss at step 0 and the least so far, with its step; null before it is known or where it is not finite. */
  readonly start: number | null
  readonly best: { readonly step: number; readonly loss: number } | null
}

/** An empty curve. */
export function createLearnCurve(): LearnCurve {
  const training = thinning()
  const validation = thinning()
  let step = 0
  let start: number | null = null
  let best: LearnCurve['best'] = null
  return {
    add(lines) {
      for (const line of lines) {
        step = Math.max(step, line.step)
        if ('trainLoss' in line) training.add(pointOf(line))
        else {
          validation.add(pointOf(line))
          if (line.step === 0) start = line.validationLoss
          if (line.validationLoss !== null && (best === null || line.validationLoss < best.loss))
            best = { step: line.step, loss: line.validationLoss }
        }
      }
    },
    get points() {
      const points = [...training.points, ...validation.points]
      // The loss before a step and the loss after it: the step's own comes first.
      return points.sort((left, right) => left.step - right.step || Number(left.trainLoss === null) - Number(right.trainLoss === null))
    },
    get step() {
      return step
    },
    get start() {
      return start
    },
    get best() {
      return best
    },
  }
}

function pointOf(line: LearnLine): CurvePoint {
  const { step, seconds, tokens } = line
  if (!('trainLoss' in line))
    return { step, trainLoss: null, validationLoss: line.validationLoss, rate: null, gradientNorm: null, seconds, tokens }
  return { step, trainLoss: line.trainLoss, validationLoss: null, rate: line.rate, gradientNorm: line.gradientNorm, seconds, tokens }
}

/** Points with ever wider steps between them, the first and the newest always kept. */
function thinning() {
  let kept: { readonly place: number; readonly point: CurvePoint }[] = []
  let newest: CurvePoint | null = null
  let stride = 1
  let count = 0
  return {
    add(point: CurvePoint): void {
      newest = point
      if (count % stride === 0) kept.push({ place: count, point })
      count += 1
      if (kept.length <= mostPoints) return
      stride *= 2
      kept = kept.filter(({ place }) => place % stride === 0)
    },
    get points(): CurvePoint[] {
      const points = kept.map(({ point }) => point)
      return newest === null || points.at(-1) === newest ? points : [...points, newest]
    },
  }
}
