import { scaleLinear } from 'd3-scale'

/** One adapter of a merge in the norm chart. */
export interface NormLine {
  readonly key: string
  readonly name: string
  /** Frobenius norm of the update at coefficient 1. */
  readonly norm: number
  /** null when the line has rules or its coefficient is not a number. */
  readonly coefficient: number | null
  readonly colour: number | null
}

export interface NormBar extends NormLine {
  readonly y: number
  /** Length of the outline: the norm at coefficient 1. */
  readonly outline: number
  /** Length of the filled bar: |coefficient| times norm; null where there is no single coefficient. */
  readonly filled: number | null
  readonly contribution: number | null
}

/** Bars from zero on one shared scale. */
export function layOutNorms(
  lines: readonly NormLine[],
  size: { readonly width: number; readonly rowHeight: number },
): { readonly bars: readonly NormBar[]; readonly height: number; readonly largest: number } {
  const contributions = lines.map((line) => (line.coefficient === null ? null : Math.abs(line.coefficient) * line.norm))
  const largest = Math.max(0, ...lines.map((line) => line.norm), ...contributions.map((value) => value ?? 0))
  const along = scaleLinear()
    .domain([0, largest === 0 ? 1 : largest])
    .range([0, size.width])
  const bars = lines.map((line, index) => {
    const contribution = contributions[index] ?? null
    return {
      ...line,
      y: index * size.rowHeight,
      outline: along(line.norm),
      filled: contribution === null ? null : along(contribution),
      contribution,
    }
  })
  return { bars, height: lines.length * size.rowHeight, largest }
}

/** The largest and the smallest of several norms and their ratio; null when fewer than two lines or a zero norm make it meaningless. */
export function normSpread(
  lines: readonly { readonly name: string; readonly size: number }[],
): { readonly large: string; readonly small: string; readonly ratio: number } | null {
  if (lines.length < 2) return null
  const sorted = [...lines].sort((left, right) => right.size - left.size)
  const large = sorted[0]
  const small = sorted.at(-1)
  if (!large || !small || small.size === 0) return null
  return { large: large.name, small: small.name, ratio: large.size / small.size }
}
