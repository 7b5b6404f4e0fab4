import type { BudgetComparison } from '../contract/comparison.ts'

/** A value with the ends of its interval. */
export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** points: shares between 0 and 1, written in per cent with one decimal; raw: anything else, with three decimals. */
export type Unit = 'points' | 'raw'

const minus = '\u2212'

/** A value: 46.7, or 0.467 where the unit is none of points. */
export function shownNumber(value: number, unit: Unit): string {
  return fixed(unit === 'points' ? 100 * value : value, decimals[unit])
}

/** A difference with its sign: +1.8, −0.5, 0.0. */
export function shownDifference(value: number, unit: Unit): string {
  const text = shownNumber(value, unit)
  return Number(text.replace(minus, '-')) > 0 ? `+${text}` : text
}

/** 46.7 (40.1 to 53.2). */
export function shownInterval({ value, low, high }: Interval, unit: Unit): string {
  return `${shownNumber(value, unit)} (${shownNumber(low, unit)} to ${shownNumber(high, unit)})`
}

/** +1.8 (−0.5 to 4.1). */
export function shownChange({ value, low, high }: Interval, unit: Unit): string {
  return `${shownDifference(value, unit)} (${shownNumber(low, unit)} to ${shownNumber(high, unit)})`
}

/** A probability: 0.031, < 0.001; a dash where there is none. */
export function shownProbability(value: number | null): string {
  if (value === null) return '\u2013'
  return value < 0.001 ? '< 0.001' : value.toFixed(3)
}

/** A whole number with thousands separated: 20,000. */
export function shownCount(count: number): string {
  const digits = Math.round(Math.abs(count)).toString()
  return `${count < -0.5 ? minus : ''}${digits.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')}`
}

/** A length of time: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min. */
export function shownSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${shownCount(Math.floor(minutes / 60))} h ${pad(minutes % 60)} min`
}

/** A moment in UTC, so that the report is the same wherever it is written: 2026-11-22 10:04 UTC. */
export function shownMoment(iso: string | null): string {
  if (iso === null || Number.isNaN(Date.parse(iso))) return '\u2013'
  return `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** "100 labelled examples", "all labelled examples". */
export function shownBudget(budget: BudgetComparison['budget'] | null): string {
  if (budget === null) return 'no labelled examples'
  return budget === 'all' ? 'all labelled examples' : counted(budget, 'labelled example')
}

/** "1 seed", "3 seeds". */
export function counted(count: number, noun: string): string {
  return `${shownCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** "a, b and c". */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

const decimals: Readonly<Record<Unit, number>> = { points: 1, raw: 3 }

function fixed(value: number, places: number): string {
  if (!Number.isFinite(value)) return 'not a number'
  const text = Math.abs(value).toFixed(places)
  return value < 0 && Number(text) !== 0 ? `${minus}${text}` : text
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
