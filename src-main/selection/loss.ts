import type { Strategy } from './strategy.ts'

/** Minus the mean loss of the answers. */
export const loss: Strategy = { needs: 'loss', value: (facts) => (facts.loss === null ? null : -facts.loss) }
