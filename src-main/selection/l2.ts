import type { Strategy } from './strategy.ts'

/** −log(1 + Σ‖C − T‖²), with ‖C − T‖² = ‖C‖² + ‖T‖² − 2⟨C, T⟩, which rounding must not make negative. */
export const l2: Strategy = {
  needs: 'factors',
  value: ({ similarity }) => similarity && -Math.log1p(Math.max(0, similarity.norm2 + similarity.queryNorm2 - 2 * similarity.dot)),
}
