/** A range of values laid on a range of pixels, with ticks at round values. */
export interface Scale {
  readonly place: (value: number) => number
  readonly ticks: readonly number[]
}

/** A linear scale; a range without width is widened, so that one value stands in the middle. */
export function linearScale(domain: readonly [number, number], pixels: readonly [number, number], wanted = 6): Scale {
  const [low, high] = widened(domain)
  const place = (value: number): number => pixels[0] + ((value - low) / (high - low)) * (pixels[1] - pixels[0])
  const step = roundStep((high - low) / wanted)
  const first = Math.ceil(low / step - 1e-9)
  const count = Math.floor(high / step + 1e-9) - first + 1
  // Whole multiples, so that no error of adding shows in the labels.
  return { place, ticks: Array.from({ length: Math.max(0, count) }, (_, index) => rounded((first + index) * step)) }
}

/** A logarithmic scale of values above 0; ticks at 1, 2 and 5 times powers of ten, or at the powers alone where these are many; at round values within less than a power. */
export function logScale(domain: readonly [number, number], pixels: readonly [number, number], most = 7): Scale {
  const least = Math.max(domain[0], Number.MIN_VALUE)
  const [low, high] = widened([Math.log10(least), Math.log10(Math.max(domain[1], least))])
  const place = (value: number): number => pixels[0] + ((Math.log10(value) - low) / (high - low)) * (pixels[1] - pixels[0])
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, index) => 10 ** (Math.floor(low) + index))
  const within = (value: number): boolean => Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9
  const at = (...times: readonly number[]): readonly number[] => powers.flatMap((power) => times.map((time) => time * power)).filter(within)
  if (high - low < 1) return { place, ticks: linearScale([10 ** low, 10 ** high], pixels, 4).ticks }
  const fine = at(1, 2, 5)
  return { place, ticks: fine.length <= most ? fine : at(1) }
}

/** The range of some values with a margin of a twentieth on both sides. */
export function rangeOf(values: readonly number[]): readonly [number, number] {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return [0, 1]
  const low = finite.reduce((left, right) => Math.min(left, right))
  const high = finite.reduce((left, right) => Math.max(left, right))
  const margin = (high - low) / 20
  return [low - margin, high + margin]
}

/** Heights of labels moved apart so that none covers another, in the order of the marks, within `from` to `to` as far as there is room. */
export function spread(wanted: readonly number[], least: number, from: number, to: number): readonly number[] {
  const order = wanted.map((_, index) => index).sort((one, other) => wanted[one]! - wanted[other]! || one - other)
  const placed = [...wanted]
  let free = from
  for (const index of order) {
    placed[index] = Math.max(wanted[index]!, free)
    free = placed[index]! + least
  }
  let until = to
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index]!, until)
    until = placed[index]! - least
  }
  return placed
}

function widened([low, high]: readonly [number, number]): readonly [number, number] {
  if (high - low > 1e-12 * Math.max(1, Math.abs(low), Math.abs(high))) return [low, high]
  const half = Math.max(Math.abs(low) * 0.05, 0.05)
  return [low - half, high + half]
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const times = rough / power
  return (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10) * power
}

function rounded(value: number): number {
  return Number(value.toPrecision(12))
}
