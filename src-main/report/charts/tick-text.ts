import type { Unit } from '../numbers.ts'

/** A tick's label with as many decimals as the distance of the ticks needs; shares in per cent. */
export function tickText(tick: number, ticks: readonly number[], unit: Unit): string {
  const times = unit === 'points' ? 100 : 1
  const step = ticks.length > 1 ? Math.abs(ticks[1]! - ticks[0]!) * times : 1
  const places = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))
  const text = Math.abs(tick * times).toFixed(places)
  return tick < 0 && Number(text) !== 0 ? `\u2212${text}` : text
}

/** A whole or large number on an axis: 500, 20k, 1.5M. */
export function largeText(value: number): string {
  const steps = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const
  const [size, letter] = steps.find(([least]) => Math.abs(value) >= least) ?? [1, '']
  return `${Number((value / size).toPrecision(3))}${letter}`
}
