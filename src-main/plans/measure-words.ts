import type { MetricEntry } from '../contract/metrics.ts'

export type Unit = MetricEntry['unit']

/** How numbers of a unit are written: shares in points (hundredths) with one decimal, nats with three. */
export interface Numbers {
  /** "points" or "nats". */
  readonly plural: string
  /** "65.7" */
  value(value: number): string
  /** "+1.8" or "−0.4" */
  signed(difference: number): string
  /** "2.0 points" */
  amount(difference: number): string
}

const units: Readonly<Record<Unit, { readonly factor: number; readonly digits: number; readonly plural: string }>> = {
  fraction: { factor: 100, digits: 1, plural: 'points' },
  nats: { factor: 1, digits: 3, plural: 'nats' },
}

export function numbersOf(unit: Unit): Numbers {
  const { factor, digits, plural } = units[unit]
  const value = (given: number): string => {
    const text = (given * factor).toFixed(digits)
    // "-0.0" says less than 0 where nothing is; a minus is a minus sign, not a hyphen.
    return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '\u2212')
  }
  return {
    plural,
    value,
    signed: (difference) => (difference > 0 && Number(value(difference)) !== 0 ? `+${value(difference)}` : value(difference)),
    amount: (difference) => `${value(difference)} ${plural}`,
  }
}

/** "1,400" */
export function counted(count: number): string {
  return count.toLocaleString('en-US')
}
