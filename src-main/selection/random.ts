import type { Strategy } from './strategy.ts'

/** u ~ U(0, 1): the K largest of independent uniform numbers are a draw without replacement. */
export const random: Strategy = { needs: 'nothing', value: ({ draw }) => draw }
