import type { Strategy } from './strategy.ts'

/** r, the largest of its modules. */
export const rank: Strategy = { needs: 'nothing', value: (facts) => facts.rank }
