/** A real minus sign, so that signed figures line up and are read as minus. */
const minus = '−'

/** A whole number with thousands separated by commas: 20,000. */
export function formatCount(count: number): string {
  const digits = Math.abs(Math.trunc(count)).toString()
  const grouped = digits.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')
  return count < 0 ? `${minus}${grouped}` : grouped
}

/** A number with `figures` significant figures and no exponent between 1e-4 and 1e5: 0.0123, 4.60, 12,345; 1,234,568 becomes 1.23e6. */
export function formatNumber(value: number, figures = 3): string {
  if (Number.isNaN(value)) return 'not a number'
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : `${minus}infinite`
  if (value === 0) return '0'
  const size = Math.abs(value)
  const text =
    size >= 1e5 || size < 1e-4
      ? size
          .toExponential(figures - 1)
          .replace('e+', 'e')
          .replace('e-', `e${minus}`)
      : plain(size, figures)
  return value < 0 ? `${minus}${text}` : text
}

function plain(size: number, figures: number): string {
  const rounded = Number(size.toPrecision(figures))
  const whole = Math.floor(Math.log10(rounded)) + 1
  return whole >= figures ? formatCount(Math.round(size)) : rounded.toFixed(figures - whole)
}

/** A number as a person wrote it: no padding zeros, at most six decimals (alpha, scaling, coefficients): 2, 0.5, 11.3137. */
export function formatExact(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value)
  const text = String(Number(Math.abs(value).toFixed(6)))
  return value < 0 && text !== '0' ? `${minus}${text}` : text
}

/** A norm, three significant figures; an unknown one is a dash. */
export function formatNorm(norm: number | null): string {
  return norm === null ? '–' : formatNumber(norm, 3)
}

/** A share between 0 and 1 as a percentage: 97.8 %; what is not all or nothing is never rounded to 100 or 0. */
export function formatPercent(share: number, decimals = 1): string {
  if (!Number.isFinite(share)) return 'unknown'
  const percent = share * 100
  const least = 10 ** -decimals
  if (percent > 0 && percent < least / 2) return `< ${least.toFixed(decimals)} %`
  if (percent < 100 && percent > 100 - least / 2) return `> ${(100 - least).toFixed(decimals)} %`
  return `${percent.toFixed(percent === 0 || percent === 100 ? 0 : decimals).replace('-', minus)} %`
}

/** A number with its sign always written: +0.12, −0.40, 0. */
export function formatSigned(value: number, decimals = 2): string {
  const text = Math.abs(value).toFixed(decimals)
  if (Number(text) === 0) return (0).toFixed(decimals)
  return `${value < 0 ? minus : '+'}${text}`
}

/** Several values as "8" or, where they differ, "4–32" (from the least to the largest), for narrow cells. Values are expected ascending. */
export function formatRange(values: readonly number[]): string {
  if (values.length === 0) return '–'
  if (values.length === 1) return formatExact(values[0] as number)
  return `${formatExact(values[0] as number)}–${formatExact(values.at(-1) as number)}`
}

/** Several values as a list or, above `most`, as a range: "8, 16" or "4 to 64". Values are expected ascending. */
export function formatValues(values: readonly number[], most = 3): string {
  if (values.length === 0) return '–'
  if (values.length <= most) return values.map(formatExact).join(', ')
  return `${formatExact(values[0] as number)} to ${formatExact(values.at(-1) as number)}`
}
