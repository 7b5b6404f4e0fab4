import type { Strategy } from './strategy.ts'

/** Every adapter of the pool, in its order. */
export const all: Strategy = { needs: 'nothing', value: null, takesAll: true }
