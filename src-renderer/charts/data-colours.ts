/** Number of categorical colours (tokens --data-1 to --data-8). */
export const dataColours = 8

/** The token of a line or text in a categorical colour, dark or light enough on the ground; grey where the slots are taken. */
export function lineColour(slot: number | null): string {
  return slot === null ? 'var(--data-base)' : `var(--data-${slot + 1}-line)`
}

/** Dashes that tell lines apart without their colour, by slot. */
export function dashOf(slot: number | null): string {
  return slot === null ? '1 3' : (['none', '7 3', '2 2', '9 3 2 3', '4 2', '12 3', '6 2 2 2 2 2', '3 5'][slot] ?? 'none')
}
