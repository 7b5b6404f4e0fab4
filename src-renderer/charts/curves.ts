import { extent } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import type { CurvePoint } from '../../src-main/contract/adapt.ts'
import { formatNumber } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'

export interface CurveMark {
  readonly step: number
  readonly loss: number
  readonly x: number
  readonly y: number
  /** The step that was chosen, or that would be now. */
  readonly chosen: boolean
}

export interface CurveLayout {
  /** Path of the training losses, empty without any. */
  readonly train: string
  /** Path through the validation losses. */
  readonly validation: string
  readonly marks: readonly CurveMark[]
  readonly xTicks: readonly { readonly at: number; readonly label: string }[]
  readonly yTicks: readonly { readonly at: number; readonly label: string }[]
}

/** Losses that are drawn: a divergence would press everything else flat, so the axis ends at this many times the loss of step 0. */
const mostTimesStart = 2

/** The step of the least validation loss, the earliest of equals; null before there is one. */
export function bestStep(points: readonly CurvePoint[]): number | null {
  let best: { readonly step: number; readonly loss: number } | null = null
  for (const { step, validationLoss } of points) {
    if (validationLoss !== null && (best === null || validationLoss < best.loss)) best = { step, loss: validationLoss }
  }
  return best?.step ?? null
}

/** Training losses as a thin line (before each step), validation losses as dots on a line, over steps from 0 to `total`. */
export function layOutCurves(
  points: readonly CurvePoint[],
  options: { readonly width: number; readonly height: number; readonly total: number; readonly chosenStep: number | null },
): CurveLayout {
  const { width, height, total, chosenStep } = options
  const validations = points.flatMap(({ step, validationLoss }) => (validationLoss === null ? [] : [{ step, loss: validationLoss }]))
  const trains = points.flatMap(({ step, trainLoss }) => (trainLoss === null ? [] : [{ step: Math.max(0, step - 1), loss: trainLoss }]))
  const start = validations[0]?.loss ?? trains[0]?.loss ?? 1
  const drawn = [...validations, ...trains].map(({ loss }) => loss).filter((loss) => loss <= mostTimesStart * start)
  const [low = 0, high = 1] = extent(drawn)
  const x = scaleLinear([0, Math.max(1, total)], [0, width])
  const y = scaleLinear([low - (high - low) * 0.05, high + (high - low) * 0.05 + 1e-9], [height, 0]).nice(4)
  const place = ({ step, loss }: { readonly step: number; readonly loss: number }): string =>
    `${x(step).toFixed(1)} ${Math.max(0, y(loss)).toFixed(1)}`
  const line = (of: readonly { readonly step: number; readonly loss: number }[]): string =>
    of.length < 2 ? '' : `M${of.map(place).join('L')}`
  return {
    train: line(trains),
    validation: line(validations),
    marks: validations.map(({ step, loss }) => ({ step, loss, x: x(step), y: Math.max(0, y(loss)), chosen: step === chosenStep })),
    xTicks: x
      .ticks(6)
      .filter(Number.isInteger)
      .map((value) => ({ at: x(value), label: String(value) })),
    yTicks: y.ticks(4).map((value) => ({ at: y(value), label: formatNumber(value, 3) })),
  }
}

/** The finding of a search: the best objective after each trial. */
export function searchFinding(points: readonly CurvePoint[]): string {
  const known = points.flatMap(({ trainLoss }) => (trainLoss === null ? [] : [trainLoss]))
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined) return 'No trial is known yet'
  return last < first
    ? `The best objective falls from ${formatNumber(first)} to ${formatNumber(last)}`
    : `No trial is better than the start, at ${formatNumber(first)}`
}

/** The finding, for the title. */
export function curveFinding(points: readonly CurvePoint[], chosenStep: number | null): string {
  const start = points.find(({ step, validationLoss }) => step === 0 && validationLoss !== null)?.validationLoss ?? null
  const chosen = points.find(({ step, validationLoss }) => step === chosenStep && validationLoss !== null)?.validationLoss ?? null
  if (start === null) return 'No loss is known yet'
  if (chosen === null || chosenStep === null) return `Loss ${formatNumber(start)} before the first step`
  if (chosenStep === 0) return `No step is better than step 0, at a loss of ${formatNumber(start)}`
  return `Loss falls from ${formatNumber(start)} to ${formatNumber(chosen)} at step ${chosenStep}`
}

export function curveTable(points: readonly CurvePoint[]): ChartTable {
  return {
    columns: ['step', 'training loss', 'validation loss', 'learning rate', 'gradient norm', 'seconds', 'tokens'].map((label) => ({
      label,
      numeric: true,
    })),
    rows: points.map(({ step, trainLoss, validationLoss, rate, gradientNorm, seconds, tokens }) => [
      step,
      trainLoss,
      validationLoss,
      rate,
      gradientNorm,
      seconds,
      tokens,
    ]),
  }
}
