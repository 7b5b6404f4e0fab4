import { max, min } from 'd3-array'
import { scaleLinear, scaleLog } from 'd3-scale'
import { formatNumber } from '../format/numbers.ts'
import type { ChartTable } from './chart-table.ts'

/** The singular values of one adapter's update in one target module. */
export interface Spectrum {
  readonly id: string
  readonly name: string
  /** Slot 0 to 7 of the categorical colours; null draws it grey. */
  readonly colour: number | null
  /** Falling. */
  readonly values: readonly number[]
  readonly effectiveRank: number
}

export interface SpectrumPoint {
  /** From 1. */
  readonly index: number
  readonly value: number
  readonly x: number
  readonly y: number
}
export interface SpectrumLine extends Omit<Spectrum, 'values'> {
  readonly points: readonly SpectrumPoint[]
  readonly path: string
}
export interface SpectraLayout {
  readonly lines: readonly SpectrumLine[]
  readonly x: readonly { readonly at: number; readonly label: string }[]
  readonly y: readonly { readonly at: number; readonly label: string }[]
  readonly baseline: number
}

/** Singular values below this share of the largest are rounding; a logarithmic axis does not reach down to them. */
const noise = 1e-6

/** Lines of the spectra in a field of `width` by `height` pixels; on a logarithmic axis values of rounding size are left out. */
export function layOutSpectra(
  spectra: readonly Spectrum[],
  size: { readonly width: number; readonly height: number },
  logarithmic: boolean,
): SpectraLayout {
  const largest = max(spectra, (spectrum) => spectrum.values[0] ?? 0) || 1
  const shown = (value: number): boolean => !logarithmic || value > largest * noise
  const smallest = min(spectra.flatMap((spectrum) => spectrum.values.filter(shown))) ?? largest
  const longest = max(spectra, (spectrum) => spectrum.values.filter(shown).length) || 1
  const x = scaleLinear([1, Math.max(2, longest)], [0, size.width])
  const y = logarithmic
    ? scaleLog([Math.min(smallest, largest / 10), largest], [size.height, 0]).nice()
    : scaleLinear([0, largest], [size.height, 0]).nice()
  const lines = spectra.map(({ values, ...spectrum }): SpectrumLine => {
    const points = values.filter(shown).map((value, place) => ({ index: place + 1, value, x: x(place + 1), y: y(value) }))
    return { ...spectrum, points, path: points.map((point, place) => `${place === 0 ? 'M' : 'L'}${point.x},${point.y}`).join('') }
  })
  return {
    lines,
    x: x
      .ticks(Math.min(8, longest))
      .filter(Number.isInteger)
      .map((value) => ({ at: x(value), label: String(value) })),
    y: yTicks(y.ticks(4), logarithmic).map((value) => ({ at: y(value), label: formatNumber(value, 1) })),
    baseline: size.height,
  }
}

/** The finding, for the chart's title. */
export function spectraFinding(spectra: readonly Spectrum[], module: string): string {
  const known = spectra.filter((spectrum) => spectrum.values.length > 0)
  const first = known[0]
  if (!first) return `No adapter shown touches ${module}`
  if (known.length === 1)
    return `${first.name} uses ${formatNumber(first.effectiveRank, 2)} of its ${first.values.length} ranks in ${module}`
  const sorted = [...known].sort((one, other) => one.effectiveRank - other.effectiveRank)
  const [low, high] = [sorted[0] as Spectrum, sorted.at(-1) as Spectrum]
  if (high.effectiveRank - low.effectiveRank < 0.05 * high.effectiveRank)
    return `All use about ${formatNumber(high.effectiveRank, 2)} ranks in ${module}`
  return `${module}: effective rank from ${formatNumber(low.effectiveRank, 2)} (${low.name}) to ${formatNumber(high.effectiveRank, 2)} (${high.name})`
}

/** The same numbers as a table: one row for each singular value. */
export function spectraTable(spectra: readonly Spectrum[]): ChartTable {
  return {
    columns: [
      { label: 'adapter', numeric: false },
      { label: 'index', numeric: true },
      { label: 'singular value', numeric: true },
      { label: 'effective rank', numeric: true },
    ],
    rows: spectra.flatMap((spectrum) => spectrum.values.map((value, place) => [spectrum.name, place + 1, value, spectrum.effectiveRank])),
  }
}

/** Where an arrow key leads: along a line, or up and down to the neighbouring one at the same index; null when nowhere. */
export function nextPoint(
  lines: readonly { readonly points: readonly unknown[] }[],
  at: { readonly line: number; readonly point: number },
  key: string,
): { readonly line: number; readonly point: number } | null {
  const length = (line: number): number => lines[line]?.points.length ?? 0
  const step = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0
  if (step !== 0) {
    let line = at.line + step
    while (line >= 0 && line < lines.length && length(line) === 0) line += step
    return length(line) === 0 ? null : { line, point: Math.min(at.point, length(line) - 1) }
  }
  const point =
    key === 'Home' ? 0 : key === 'End' ? length(at.line) - 1 : at.point + (key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0)
  return point === at.point || point < 0 || point >= length(at.line) ? null : { line: at.line, point }
}

/** A logarithmic axis names its powers of ten; over less than a decade every tick. */
function yTicks(ticks: readonly number[], logarithmic: boolean): readonly number[] {
  if (!logarithmic) return ticks
  const powers = ticks.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9))
  return powers.length >= 2 ? powers : ticks.filter((_, place) => place % 3 === 0)
}
