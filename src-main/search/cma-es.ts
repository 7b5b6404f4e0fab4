import * as v from 'valibot'
import { drawsOf, normalDraws } from './draws.ts'
import { orderOf, type SearchSetting, type StartOptimiser } from './optimiser.ts'
import type { Point } from './space.ts'
import { symmetricEigen, type Eigen } from './symmetric-eigen.ts'

/** First step length as a share of the range, where a dimension says nothing: the tutorial's advice where the optimum is expected within the bounds. */
const firstStep = 0.3
/** Up to so many dimensions the whole covariance matrix is learned, beyond it its diagonal only. */
const mostWhole = 120
/** Below this step length, in units of the range, nothing moves any more. */
const leastStep = 1e-12

const numbers = v.array(v.number())
const stateSchema = v.object({
  generation: v.number(),
  mean: numbers,
  sigma: v.number(),
  /** Rows of the covariance matrix, or its diagonal in one row. */
  covariance: v.array(numbers),
  /** Evolution paths of the covariance and of the step length. */
  path: numbers,
  stepPath: numbers,
})
type State = v.InferOutput<typeof stateSchema>

/**
 * CMA-ES as in Hansen 2016, "The CMA Evolution Strategy: A Tutorial" (arXiv 1604.00772), with its default parameters and negative weights left out
 * (its equations 5 to 47 with alpha_cov = 2 and weights 0 beyond mu). Bounds by reflection: it runs without bounds on the mirrored function. Above 120
 * dimensions the covariance is diagonal, its rates times (n + 2) / 3 (Ros and Hansen 2008, sep-CMA-ES).
 */
export const startCmaEs: StartOptimiser = (setting, saved) => {
  const settings = settingsOf(setting)
  let state: State = saved === undefined ? firstState(setting, settings) : v.parse(stateSchema, saved)
  let sampled: Sample | undefined
  const sample = (): Sample => (sampled ??= sampleOf(state, settings))
  return {
    ask: () => (state.sigma < leastStep ? [] : sample().points),
    tell(values) {
      state = updated(state, sample(), values, settings)
      sampled = undefined
    },
    state: () => state,
  }
}

interface Settings {
  readonly seed: number
  readonly n: number
  readonly lambda: number
  readonly isWhole: boolean
  /** Weights of the best mu points, which add up to 1. */
  readonly weights: readonly number[]
  readonly muEff: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cPath: number
  readonly c1: number
  readonly cMu: number
  /** Expected length of a standard normal vector. */
  readonly chi: number
}

/** Points of one generation where nobody says otherwise. */
function recommended(n: number): number {
  return 4 + Math.floor(3 * Math.log(n))
}

function settingsOf({ start, population, seed }: SearchSetting): Settings {
  const n = start.length
  const lambda = Math.max(2, population === 0 ? recommended(n) : population)
  const mu = Math.floor(lambda / 2)
  const raw = Array.from({ length: mu }, (_, index) => Math.log((lambda + 1) / 2) - Math.log(index + 1))
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  const weights = raw.map((weight) => weight / total)
  const muEff = 1 / weights.reduce((sum, weight) => sum + weight ** 2, 0)
  const cSigma = (muEff + 2) / (n + muEff + 5)
  const isWhole = n <= mostWhole
  const faster = isWhole ? 1 : (n + 2) / 3
  const c1 = Math.min(1, (faster * 2) / ((n + 1.3) ** 2 + muEff))
  return {
    ...{ seed, n, lambda, isWhole, weights, muEff, cSigma, c1 },
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cPath: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    cMu: Math.min(1 - c1, (faster * 2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff)),
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n ** 2)),
  }
}

function firstState({ start, space }: SearchSetting, { n, isWhole }: Settings): State {
  const zeros = (): number[] => new Array<number>(n).fill(0)
  const variances = space.map(({ step = firstStep }) => (step / firstStep) ** 2)
  const covariance = isWhole ? variances.map((variance, row) => variances.map((_, column) => (row === column ? variance : 0))) : [variances]
  return { generation: 0, mean: [...start], sigma: firstStep, covariance, path: zeros(), stepPath: zeros() }
}

/** A generation: its points, their steps y = (x - mean) / sigma, and the root of the covariance they were drawn with. */
interface Sample {
  readonly points: readonly Point[]
  readonly steps: readonly (readonly number[])[]
  readonly root: Root
}

function sampleOf({ generation, mean, sigma, covariance }: State, { seed, n, lambda, isWhole }: Settings): Sample {
  const root = isWhole ? wholeRoot(symmetricEigen(covariance)) : diagonalRoot(covariance[0]!)
  const random = drawsOf(seed, generation)
  const steps = Array.from({ length: lambda }, () => root.times(normalDraws(random, n)))
  return { root, steps, points: steps.map((step) => mean.map((value, index) => value + sigma * step[index]!)) }
}

/** B D of the covariance C = B D^2 B^T, and the inverse of its symmetric root. */
interface Root {
  /** B D z */
  readonly times: (z: readonly number[]) => number[]
  /** C^(-1/2) y = B D^-1 B^T y */
  readonly whitened: (y: readonly number[]) => number[]
}

function wholeRoot({ values, vectors }: Eigen): Root {
  const deviations = values.map((value) => Math.sqrt(Math.max(value, 1e-30)))
  const along = (scaled: readonly number[]): number[] =>
    vectors.map((row) => row.reduce((sum, entry, index) => sum + entry * scaled[index]!, 0))
  return {
    times: (z) => along(z.map((value, index) => value * deviations[index]!)),
    whitened: (y) =>
      along(deviations.map((deviation, column) => y.reduce((sum, value, row) => sum + vectors[row]![column]! * value, 0) / deviation)),
  }
}

function diagonalRoot(variances: readonly number[]): Root {
  const deviations = variances.map((variance) => Math.sqrt(Math.max(variance, 1e-30)))
  return {
    times: (z) => z.map((value, index) => value * deviations[index]!),
    whitened: (y) => y.map((value, index) => value / deviations[index]!),
  }
}

function updated(state: State, { steps, root }: Sample, values: readonly number[], settings: Settings): State {
  const { n, weights, muEff, cSigma, dSigma, cPath, c1, cMu, chi, isWhole } = settings
  const best = orderOf(values)
    .slice(0, weights.length)
    .map((place) => steps[place]!)
  const step = state.mean.map((_, index) => weights.reduce((sum, weight, place) => sum + weight * best[place]![index]!, 0))
  const white = root.whitened(step)
  const stepPath = state.stepPath.map((value, index) => (1 - cSigma) * value + Math.sqrt(cSigma * (2 - cSigma) * muEff) * white[index]!)
  const length = Math.hypot(...stepPath)
  const generations = state.generation + 1
  // A long step path holds the other one back, so that the covariance does not grow too fast (the tutorial's h_sigma).
  const goesOn = length / Math.sqrt(1 - (1 - cSigma) ** (2 * generations)) < (1.4 + 2 / (n + 1)) * chi
  const path = state.path.map((value, index) => (1 - cPath) * value + (goesOn ? Math.sqrt(cPath * (2 - cPath) * muEff) * step[index]! : 0))
  const kept = 1 - c1 - cMu + (goesOn ? 0 : c1 * cPath * (2 - cPath))
  const entry = (old: number, row: number, column: number): number =>
    kept * old +
    c1 * path[row]! * path[column]! +
    cMu * weights.reduce((sum, weight, place) => sum + weight * best[place]![row]! * best[place]![column]!, 0)
  return {
    generation: generations,
    mean: state.mean.map((value, index) => value + state.sigma * step[index]!),
    sigma: Math.min(1e3, state.sigma * Math.exp((cSigma / dSigma) * (length / chi - 1))),
    covariance: isWhole
      ? state.covariance.map((line, row) => line.map((old, column) => entry(old, row, column)))
      : [state.covariance[0]!.map((old, place) => entry(old, place, place))],
    path,
    stepPath,
  }
}
