import type { ScaleContinuousNumeric } from 'd3-scale'
import { textWidth } from './labels.ts'

export interface Tick {
  readonly value: number
  /** In pixels. */
  readonly at: number
  readonly label: string
}

const mostTicks = 12

/** Ticks of a horizontal scale whose labels do not touch: as many as there is room for. */
export function ticksAcross(scale: ScaleContinuousNumeric<number, number>, write: (value: number) => string): readonly Tick[] {
  const [from = 0, to = 0] = scale.range()
  for (let count = Math.max(2, Math.min(mostTicks, Math.floor(Math.abs(to - from) / 40))); count > 1; count--) {
    const ticks = label(scale.ticks(count), scale, write)
    if (isDistinct(ticks) && ticks.every((tick, index) => index === 0 || apart(ticks[index - 1], tick))) return ticks
  }
  return label(scale.ticks(2), scale, write).slice(0, 1)
}

/** Ticks of a vertical scale, about one for each 44 pixels. */
export function ticksUp(scale: ScaleContinuousNumeric<number, number>, write: (value: number) => string): readonly Tick[] {
  const [from = 0, to = 0] = scale.range()
  for (let count = Math.max(2, Math.floor(Math.abs(to - from) / 44)); count > 1; count--) {
    const ticks = label(scale.ticks(count), scale, write)
    if (isDistinct(ticks)) return ticks
  }
  return label(scale.ticks(2), scale, write).slice(0, 1)
}

/** No two are written alike: the steps are not finer than what is written. */
function isDistinct(ticks: readonly Tick[]): boolean {
  return new Set(ticks.map((tick) => tick.label)).size === ticks.length
}

/** Those of some places whose labels do not touch, from the left; the last stays. */
export function thinTicks(ticks: readonly Tick[]): readonly Tick[] {
  const last = ticks.at(-1)
  if (!last) return []
  const kept: Tick[] = []
  for (const tick of ticks.slice(0, -1)) if (apart(kept.at(-1), tick) && apart(tick, last)) kept.push(tick)
  return [...kept, last]
}

function apart(left: Tick | undefined, right: Tick): boolean {
  return left === undefined || right.at - left.at >= (textWidth(left.label) + textWidth(right.label)) / 2 + 8
}

/** A nought after the point that every label has is left off: 40 %, not 40.0 %. */
function label(values: readonly number[], scale: (value: number) => number, write: (value: number) => string): readonly Tick[] {
  const labels = values.map(write)
  const idle = labels.every((text) => /\.0(?=\D*$)|^\D*0\D*$|^[^.]*$/.test(text))
  return values.map((value, index) => {
    const text = labels[index] ?? ''
    return { value, at: scale(value), label: idle ? text.replace(/\.0(?=\D*$)/, '') : text }
  })
}
