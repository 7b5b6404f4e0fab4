import type { Strategy } from './strategy.ts'

/** The pool in its order, as a person put it together. */
export const manual: Strategy = { needs: 'nothing', value: null }
