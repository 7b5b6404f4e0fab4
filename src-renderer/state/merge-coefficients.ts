import type { DraftSource } from './merge-draft.ts'
import { numberOf, type TypedNumber } from '../format/typed-number.ts'

/** The lines after a normalisation, or in words why it was not done. */
export type Normalised =
  { readonly sources: readonly DraftSource[]; readonly refusal: null } | { readonly sources: null; readonly refusal: string }

/** Dividing by a nearly cancelled sum would multiply every coefficient; beyond this factor it is refused. */
const largestFactor = 10

/** Sum of the coefficients, or null where one of them is not a number. */
export function coefficientSum(sources: readonly DraftSource[]): number | null {
  return sources.reduce<number | null>((sum, source) => {
    const value = numberOf(source.coefficient)
    return sum === null || value === null ? null : sum + value
  }, 0)
}

/**
 * Scales the unlocked coefficients by one positive factor so that all coefficients sum to 1; rules scale along.
 * Signs are never flipped and a nearly cancelled sum is not blown up: both are refused in words.
 */
export function sumToOne(sources: readonly DraftSource[]): Normalised {
  const open = sources.filter((source) => !source.locked)
  if (open.length === 0) return refuse('Every coefficient is locked: unlock one to change the sum.')
  const openSum = coefficientSum(open)
  const lockedSum = coefficientSum(sources.filter((source) => source.locked))
  if (openSum === null || lockedSum === null) return refuse('A coefficient is not a number: correct it first.')
  const target = 1 - lockedSum
  if (openSum === 0) return refuse('The unlocked coefficients sum to 0: no scaling changes that.')
  const factor = target / openSum
  if (!(factor > 0)) {
    return refuse(
      `The unlocked coefficients sum to ${shown(openSum)} and would have to sum to ${shown(target)}, which no scaling reaches without flipping signs.`,
    )
  }
  if (factor > largestFactor) {
    return refuse(`The unlocked coefficients nearly cancel (sum ${shown(openSum)}): scaling would multiply each by ${shown(factor)}.`)
  }
  return { sources: settleSum(scaleOpen(sources, factor), decimalsFor(open, factor)), refusal: null }
}

/**
 * Makes |coefficient| times norm equal for every unlocked line, signs kept: to the mean of the locked lines where there are any,
 * else to the mean of all lines, so that the size of the whole stays. `norms[i]` is the norm of line i's update at coefficient 1.
 */
export function equalNorms(sources: readonly DraftSource[], norms: readonly (number | null)[]): Normalised {
  const lines = sources.map((source, index) => ({ source, value: numberOf(source.coefficient), norm: norms[index] ?? null }))
  if (lines.every(({ source }) => source.locked)) return refuse('Every coefficient is locked: unlock one to change its norm.')
  if (lines.some(({ value }) => value === null)) return refuse('A coefficient is not a number: correct it first.')
  const unknown = lines.find(({ norm }) => norm === null)
  if (unknown) return refuse(`The norm of ${unknown.source.name} is not known yet.`)
  const zero = lines.find(({ source, norm }) => !source.locked && norm === 0)
  if (zero) return refuse(`The update of ${zero.source.name} is zero: no coefficient gives it a norm. Lock it or remove it.`)
  const locked = lines.filter(({ source }) => source.locked)
  const reference = locked.length > 0 ? locked : lines
  const target = reference.reduce((sum, { value, norm }) => sum + Math.abs(value ?? 0) * (norm ?? 0), 0) / reference.length
  if (target === 0) return refuse('Every coefficient is 0, so there is no norm to share out.')
  const scaled = lines.map(({ source, value, norm }) => {
    if (source.locked) return source
    const sign = (value ?? 0) < 0 ? -1 : 1
    return withCoefficient(source, tidy((sign * target) / (norm ?? 1)))
  })
  return { sources: scaled, refusal: null }
}

function refuse(refusal: string): Normalised {
  return { sources: null, refusal }
}

function scaleOpen(sources: readonly DraftSource[], factor: number): readonly DraftSource[] {
  return sources.map((source) => {
    const value = numberOf(source.coefficient)
    return source.locked || value === null ? source : withCoefficient(source, value * factor)
  })
}

/** A line at a new coefficient; its rules keep their ratio to it. */
function withCoefficient(source: DraftSource, coefficient: number): DraftSource {
  const before = numberOf(source.coefficient)
  if (source.rules.length === 0 || before === null || before === 0) return { ...source, coefficient }
  const scale = (value: TypedNumber): TypedNumber => {
    const number = numberOf(value)
    return number === null ? value : tidy((number * coefficient) / before)
  }
  return { ...source, coefficient, rules: source.rules.map((rule) => ({ ...rule, value: scale(rule.value) })) }
}

/** Rounds to `decimals`; the largest unlocked coefficient takes the remainder, so that the sum is exactly 1. */
function settleSum(sources: readonly DraftSource[], decimals: number): readonly DraftSource[] {
  const rounded = sources.map((source) =>
    source.locked ? source : { ...source, coefficient: Number((numberOf(source.coefficient) ?? 0).toFixed(decimals)) },
  )
  const open = rounded.filter((source) => !source.locked)
  const size = (source: DraftSource): number => Math.abs(numberOf(source.coefficient) ?? 0)
  const largest = open.reduce((best, source) => (size(source) > size(best) ? source : best))
  const rest = coefficientSum(rounded.filter((source) => source.key !== largest.key)) ?? 0
  return rounded.map((source) => (source.key === largest.key ? { ...source, coefficient: Number((1 - rest).toFixed(12)) } : source))
}

/** Decimals that leave the smallest scaled coefficient at least three figures: 4, and up to 6. */
function decimalsFor(open: readonly DraftSource[], factor: number): number {
  const sizes = open.map((source) => Math.abs((numberOf(source.coefficient) ?? 0) * factor)).filter((size) => size > 0)
  return Math.min(6, Math.max(4, 2 - Math.floor(Math.log10(Math.min(...sizes)))))
}

/** Four figures: short enough to be read in the field, and what the field shows is what is merged. */
function tidy(value: number): number {
  return Number(value.toPrecision(4))
}

function shown(value: number): string {
  return String(Math.round(value * 1000) / 1000).replace('-', '\u2212')
}
