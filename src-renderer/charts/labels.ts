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
