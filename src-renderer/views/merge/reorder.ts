/**
 * The place at which a line dragged to height `y` belongs, among lines whose middles stand at `middles` (the dragged one left out).
 * All heights in pixels of one frame.
 */
export function placeAt(y: number, middles: readonly number[]): number {
  return middles.filter((middle) => middle < y).length
}
