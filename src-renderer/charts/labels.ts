/**
 * Heights of labels that stand beside marks at `wanted`, moved apart so that none covers another (`least` pixels between two) and kept between
 * 0 and `height` as far as there is room. The order of the labels is that of the marks.
 */
export function spreadLabels(wanted: readonly number[], least: number, height: number): readonly number[] {
  const order = wanted.map((_, index) => index).sort((one, other) => (wanted[one] ?? 0) - (wanted[other] ?? 0) || one - other)
  const placed = new Array<number>(wanted.length).fill(0)
  let from = -Infinity
  for (const index of order) {
    from = Math.max(wanted[index] ?? 0, from + least)
    placed[index] = from
  }
  let until = height
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index] ?? 0, until)
    until = (placed[index] ?? 0) - least
  }
  return placed
}

/** Pixels that a character takes at 12 px in the wider of the usual fonts. */
const characterWidth = 7.1

/** About how wide a text stands at 12 px, in pixels: no page is needed to lay a chart out. */
export function textWidth(text: string): number {
  return [...text].length * characterWidth
}

/** A label that fits into `room` pixels, with an ellipsis where it had to be cut; the whole one belongs in the mark's text. */
export function cutLabel(label: string, room: number): string {
  const most = Math.max(2, Math.floor(room / characterWidth))
  return [...label].length > most
    ? `${[...label]
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`
    : label
}

/** Room for the names beside the rows of a chart: that of the longest, at most `share` of the width, and a gap. */
export function nameRoom(names: readonly string[], width: number, share = 0.32): number {
  const longest = names.reduce((most, name) => Math.max(most, textWidth(name)), 0)
  return Math.ceil(Math.min(longest + 12, Math.max(72, width * share)))
}
