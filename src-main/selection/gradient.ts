import type { Strategy } from './strategy.ts'

/** −⟨∂L/∂W, ΔW⟩ / ‖ΔW‖: how fast the loss falls along the update, at the base model. */
export const gradient: Strategy = {
  needs: 'gradient',
  value: (facts) => facts.gradient && -facts.gradient.sum / facts.gradient.updateNorm,
}
