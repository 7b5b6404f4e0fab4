import type { AdapterModule, AdapterVariant } from '../contract/adapter.ts'
import type { Detector } from '../contract/inspection.ts'
import type { InspectedModule } from './inspection.ts'

/** What the detector measured and found; the verdict in words follows from it. */
export interface DetectorFigures extends Omit<Detector, 'verdict'> {
  /** A is uniform, but a scale was folded into it: told by max|A| / std(A) = sqrt 3 instead of the bound itself. */
  readonly folded: boolean
}

/** Bound of |A| * sqrt(in) of a uniform start, with room for rounding to bf16 (lego-lori.md 2.9, as all that follows). */
const frozenBound = 1.004
/** Relative distance of the standard deviation from that of a fresh start, besides the scatter of as many values as there are. */
const spreadTolerance = 0.01
const kurtosisTolerance = 0.05
const uniformKurtosis = 1.8
const normalKurtosis = 3
/** Share of zeros in B of a LoRI-S adapter is 0.9; one without any other value is no LoRI-S but empty. */
const sparseFrom = 0.85
const sparseBelow = 0.999

/** Scatter of statistics of n values, four times its standard deviation: of the relative standard deviation, sqrt((kurtosis - 1) / 4n). */
const spreadScatter = (kurtosis: number, n: number): number => 4 * Math.sqrt((kurtosis - 1) / 4 / n)
/** Four standard deviations of the kurtosis: its variance is 1.32 / n for uniform and 24 / n for normal values. */
const kurtosisScatter = (kurtosis: number, n: number): number => 4 * Math.sqrt((kurtosis === uniformKurtosis ? 1.32 : 24) / n)

interface Facts {
  readonly module: AdapterModule
  readonly values: number
  readonly maxAbsA: number
  readonly stdA: number
  readonly kurtosisA: number
}

/**
 * Tells adapters whose A never left its start: uniform on [-1, 1] / sqrt(in), as PEFT and LoRI start, also when a scale was folded into it later,
 * or normal with one spread for all modules, as other tools start. Null where there is nothing to judge.
 */
export function detectLori(modules: readonly AdapterModule[], inspected: ReadonlyMap<string, InspectedModule>): DetectorFigures | null {
  const facts: Facts[] = []
  let zeros = 0
  let valuesB = 0
  for (const module of modules) {
    const { maxAbsA = null, stdA = null, kurtosisA = null, zerosB = null } = inspected.get(module.name) ?? {}
    if (maxAbsA === null || stdA === null || zerosB === null) return null
    // A of one number throughout has no kurtosis; it is no random start either.
    facts.push({ module, values: module.rank * module.in, maxAbsA, stdA, kurtosisA: kurtosisA ?? 1 })
    zeros += module.out * module.rank * zerosB
    valuesB += module.out * module.rank
  }
  if (facts.length === 0) return null
  const maxScaledA = Math.max(...facts.map(({ module, maxAbsA }) => maxAbsA * Math.sqrt(module.in)))
  const kurtosisA = mean(facts.map((fact) => fact.kurtosisA))
  const uniform = looksUniform(facts, kurtosisA, maxScaledA)
  return {
    frozenA: uniform !== null ? 'uniform' : looksNormal(facts, kurtosisA) ? 'gaussian' : 'trained',
    folded: uniform === 'folded',
    maxScaledA,
    scaledStdA: mean(facts.map(({ module, stdA }) => stdA * Math.sqrt(3 * module.in))),
    kurtosisA,
    zerosB: zeros / valuesB,
  }
}

function looksUniform(facts: readonly Facts[], kurtosis: number, maxScaledA: number): 'bare' | 'folded' | null {
  const values = facts.reduce((sum, fact) => sum + fact.values, 0)
  if (Math.abs(kurtosis - uniformKurtosis) > kurtosisTolerance + kurtosisScatter(uniformKurtosis, values)) return null
  // The spread of all values together, each module's in units of its fresh one.
  const variance = facts.reduce((sum, { module, stdA, values: count }) => sum + count * stdA * stdA * 3 * module.in, 0) / values
  const tolerance = spreadTolerance + spreadScatter(uniformKurtosis, values)
  // A spread that is right while a value lies beyond the bound: A moved a little.
  if (Math.abs(Math.sqrt(variance) - 1) <= tolerance) return maxScaledA <= frozenBound ? 'bare' : null
  const isBounded = ({ maxAbsA, stdA, values: count }: Facts) =>
    stdA > 0 && maxAbsA <= frozenBound * Math.sqrt(3) * stdA * (1 + spreadScatter(uniformKurtosis, count))
  return facts.every(isBounded) ? 'folded' : null
}

/** Normal values whose spread follows from the module's shape alone: the same everywhere, or times sqrt(in), or times the rank. */
function looksNormal(facts: readonly Facts[], kurtosis: number): boolean {
  const values = facts.reduce((sum, fact) => sum + fact.values, 0)
  if (facts.length < 2 || Math.abs(kurtosis - normalKurtosis) > kurtosisTolerance + kurtosisScatter(normalKurtosis, values)) return false
  const isSame = (scaled: readonly number[]) => {
    const centre = mean(scaled)
    return facts.every(
      ({ values: count }, index) =>
        Math.abs(scaled[index]! / centre - 1) <= spreadTolerance + spreadScatter(normalKurtosis, Math.min(count, values / 2)),
    )
  }
  const spreads = facts.map(({ stdA }) => stdA)
  return (
    spreads.every((spread) => spread > 0) &&
    (isSame(spreads) ||
      isSame(facts.map(({ module, stdA }) => stdA * Math.sqrt(module.in))) ||
      isSame(facts.map(({ module, stdA }) => stdA * module.rank)))
  )
}

/** The class that follows for an adapter that is plain otherwise. A normal start changes nothing: trained adapters come close to it. */
export function frozenVariant(figures: DetectorFigures | null): AdapterVariant {
  if (figures?.frozenA !== 'uniform') return 'plain'
  return isSparse(figures) ? 'lori-s' : 'frozen-a'
}

/** The figures with their verdict in words, and what it means for curation. */
export function detectorOf({ folded, ...figures }: DetectorFigures): Detector {
  return { ...figures, verdict: verdictOf({ folded, ...figures }) }
}

const curation =
  'LEGO finds no signal in the A half: independent random rows are never similar. Similarities measured on A alone say nothing either.'

function verdictOf(figures: DetectorFigures): string {
  const zeros = `${(100 * figures.zerosB).toFixed(1)} % of B is exactly 0`
  if (figures.frozenA === 'uniform') {
    const start = `A is as it was drawn, uniform${figures.folded ? ', with a scale folded into it' : ''}`
    const name = isSparse(figures) ? `LoRI-S: ${start}, and ${zeros}.` : `Frozen-A LoRA (LoRI-D compatible): ${start}.`
    return `${name} ${curation}`
  }
  const sparse = isSparse(figures) ? ` ${zeros}, as in LoRI-S, but A is not uniform.` : ''
  if (figures.frozenA === 'gaussian') return `A looks frozen at a normal start: one spread in every module.${sparse} ${curation}`
  return `Trained A: nothing points to a frozen A or to LoRI.${sparse}`
}

function isSparse({ zerosB }: DetectorFigures): boolean {
  return zerosB >= sparseFrom && zerosB < sparseBelow
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
